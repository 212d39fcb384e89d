"""What is seen or heard, as the content blocks of MCP."""

from __future__ import annotations

import base64
import mimetypes
from pathlib import Path
from typing import Any

from mcp_types import (
    AudioContent,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    TextResourceContents,
)

from seer_rpc.presentation import MOST_CHARACTERS, keep
from seer_runtime.wire.media import PNG, Media, picture_content

_MOST_PIXELS = 1024
"""Of an image's longer side: models see no more."""

_MOST_BYTES = 3 << 20
"""Of an image or a sound; clients refuse larger ones."""

_TEXTS = ("text/", "application/json", "application/xml")


def picture_media(picture: Any) -> Media:
    """Give an image of PIL, or a figure, as a PNG that is small enough for a model."""
    if hasattr(picture, "thumbnail") and max(picture.size) > _MOST_PIXELS:
        picture = picture.copy()
        picture.thumbnail((_MOST_PIXELS, _MOST_PIXELS))
    return Media(picture_content(picture), PNG)


def media_block(media: Media, folder: Path) -> ContentBlock | None:
    """Give the block that shows it; None where a client would not take that.

    A document is kept in a file of `folder`, whose address the block names.
    """
    if media.mime.startswith(_TEXTS) and len(media.data) <= MOST_CHARACTERS:
        return _document(media, folder)
    if len(media.data) > _MOST_BYTES:
        return None
    data = base64.b64encode(media.data).decode()
    if media.mime.startswith("image/"):
        return ImageContent(type="image", data=data, mime_type=media.mime)
    if media.mime.startswith("audio/"):
        return AudioContent(type="audio", data=data, mime_type=media.mime)
    return None


def media_file(media: Media, folder: Path) -> Path:
    """Keep it in a file of `folder`."""
    return keep(media.data, folder, "media", mimetypes.guess_extension(media.mime) or ".bin")


def _document(media: Media, folder: Path) -> EmbeddedResource:
    text = media.data.decode("utf-8", "replace")
    uri = media_file(media, folder).as_uri()
    contents = TextResourceContents(uri=uri, mime_type=media.mime, text=text)
    return EmbeddedResource(type="resource", resource=contents)
