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
        self._left_out = 0
        self._folder = folder
        self._room = _MOST_IN_ALL
        self._characters = MOST_CHARACTERS

    def show(self, media: Media) -> str:
        """Show it, or keep it in a file; say where it is."""
        if _is_document(media):
            is_shown = self._take(len(media.data), characters=len(media.data))
        else:
            is_shown = _is_seen_or_heard(media) and self._take(len(media.data))
        if not is_shown:
            return f"in {_file(media, self._folder)}"
        self.blocks.append(_block(media, self._folder))
        # The text of the result is the first content.
        return f"content {len(self.blocks) + 1} of this result"

    def remark(self) -> str:
        """Say what is not shown, if there is anything."""
        if not self._left_out:
            return ""
        return (
            f"{self._left_out} media are not shown, but in the files that the result names: there "
            f"is room for {_MOST_SHOWN}, of {_MOST_IN_ALL >> 20} MiB in all."
        )

    def _take(self, size: int, characters: int = 0) -> bool:
        """Take room for one more, if there is any."""
        has_room = size <= self._room and characters <= self._characters
        if not has_room or len(self.blocks) == _MOST_SHOWN:
            self._left_out += 1
            return False
        self._room -= size
        self._characters -= characters
        return True


def _is_document(media: Media) -> bool:
    return media.mime.startswith(_TEXTS) and len(media.data) <= MOST_CHARACTERS


def _is_seen_or_heard(media: Media) -> bool:
    return media.mime.startswith(("image/", "audio/")) and len(media.data) <= _MOST_BYTES


def _block(media: Media, folder: Path) -> ContentBlock:
    if _is_document(media):
        return _document(media, folder)
    data = base64.b64encode(media.data).decode()
    if media.mime.startswith("image/"):
        return ImageContent(type="image", data=data, mime_type=media.mime)
    return AudioContent(type="audio", data=data, mime_type=media.mime)


def _file(media: Media, folder: Path) -> Path:
    """Keep it in a file of `folder`."""
    return keep(media.data, folder, "media", mimetypes.guess_extension(media.mime) or ".bin")


def _document(media: Media, folder: Path) -> EmbeddedResource:
    text = media.data.decode("utf-8", "replace")
    uri = _file(media, folder).as_uri()
    contents = TextResourceContents(uri=uri, mime_type=media.mime, text=text)
    return EmbeddedResource(type="resource", resource=contents)
