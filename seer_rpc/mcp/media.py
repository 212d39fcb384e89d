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

_MOST_SHOWN = 20
"""Of one result."""

_MOST_IN_ALL = 8 << 20
"""Bytes of all that one result shows."""

_TEXTS = ("text/", "application/json", "application/xml")


def picture_media(picture: Any) -> Media:
    """Give an image of PIL, or a figure, as a PNG that is small enough for a model."""
    if hasattr(picture, "thumbnail") and max(picture.size) > _MOST_PIXELS:
        picture = picture.copy()
        picture.thumbnail((_MOST_PIXELS, _MOST_PIXELS))
    return Media(picture_content(picture), PNG)


class ShownMedia:
    """The media of one result: as many as there is room for as content, the others in files."""

    def __init__(self, folder: Path) -> None:
        """Begin with none; files are in `folder`."""
        self.blocks: list[ContentBlock] = []
        self.left_out = 0
        """How many there was no room for."""

        self._folder = folder
        self._room = _MOST_IN_ALL
        self._characters = MOST_CHARACTERS

    def show(self, media: Media) -> str:
        """Show it, or keep it in a file; say where it is."""
        block = self._block(media) if self._has_room(media) else None
        if block is None:
            return f"in {_file(media, self._folder)}"
        self._room -= len(media.data)
        self.blocks.append(block)
        # The text of the result is the first content.
        return f"content {len(self.blocks) + 1} of this result"

    def remark(self) -> str:
        """Say what is not shown, if there is anything."""
        if not self.left_out:
            return ""
        return (
            f"{self.left_out} media are not shown, but in the files that the result names: there "
            f"is room for {_MOST_SHOWN}, of {_MOST_IN_ALL >> 20} MiB in all."
        )

    def _has_room(self, media: Media) -> bool:
        has_room = len(self.blocks) < _MOST_SHOWN and len(media.data) <= self._room
        self.left_out += not has_room
        return has_room

    def _block(self, media: Media) -> ContentBlock | None:
        """Give the block that shows it; None where a client would not take that."""
        if media.mime.startswith(_TEXTS) and len(media.data) <= self._characters:
            self._characters -= len(media.data)
            return _document(media, self._folder)
        return _seen_or_heard(media) if len(media.data) <= _MOST_BYTES else None


def _seen_or_heard(media: Media) -> ContentBlock | None:
    data = base64.b64encode(media.data).decode()
    if media.mime.startswith("image/"):
        return ImageContent(type="image", data=data, mime_type=media.mime)
    if media.mime.startswith("audio/"):
        return AudioContent(type="audio", data=data, mime_type=media.mime)
    return None


def _file(media: Media, folder: Path) -> Path:
    """Keep it in a file of `folder`."""
    return keep(media.data, folder, "media", mimetypes.guess_extension(media.mime) or ".bin")


def _document(media: Media, folder: Path) -> EmbeddedResource:
    text = media.data.decode("utf-8", "replace")
    uri = _file(media, folder).as_uri()
    contents = TextResourceContents(uri=uri, mime_type=media.mime, text=text)
    return EmbeddedResource(type="resource", resource=contents)
