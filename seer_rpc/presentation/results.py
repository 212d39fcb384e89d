"""Results as JSON of a reasonable size: what is large, or no text, is in files."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from seer_rpc.presentation.arrays import summarise
from seer_rpc.presentation.files import keep
from seer_rpc.presentation.jsonable import as_base64, to_json

_IMAGES = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    b"GIF8": "gif",
}

_FEW = 4096
"""Bytes that are shown, as base64."""


def present(value: Any, folder: Path) -> Any:
    """Give `value` as plain JSON; arrays, images and many bytes are in files of `folder`."""
    return to_json(value, partial(summarise, folder=folder), partial(show_bytes, folder=folder))


def show_bytes(content: bytes, folder: Path) -> Any:
    """Give bytes as base64; many of them, and images, as their number and a file."""
    image = image_format(content)
    if image is None and len(content) <= _FEW:
        return as_base64(content)
    file = keep(content, folder, "image" if image else "bytes", f".{image or 'bin'}")
    told: dict[str, Any] = {"image": image} if image else {}
    return {**told, "bytes": len(content), "file": str(file)}


def image_format(content: bytes) -> str | None:
    """Give the format of an image, "png" for one; None where the bytes are none."""
    return next((name for start, name in _IMAGES.items() if content.startswith(start)), None)
