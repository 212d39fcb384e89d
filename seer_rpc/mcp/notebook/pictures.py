"""Images as small as models see them; none is ever cut."""

from __future__ import annotations

import io
from typing import Any

from seer_runtime.wire.media import PNG, Media

RASTERS = ("image/png", "image/jpeg", "image/gif", "image/webp")
_JPEG = "image/jpeg"
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")

_MOST_PIXELS = 1024
"""Of the longer side: models see no more."""

_MOST_BYTES = 768 << 10
_MOST_DECODED = 100_000_000
"""Pixels of an image that is looked at: one that says it has more is meant to hurt."""


def small_picture(picture: Media) -> Media | None:
    """Give an image as a client can show it; None where it is none."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(picture.data), formats=_FORMATS) as image:
            if image.width * image.height > _MOST_DECODED:
                return None
            image.load()
            return _fitting(picture, image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        # What is no image, or half of one, is told by all of these.
        return None


def _fitting(picture: Media, image: Any) -> Media:
    is_small = max(image.size) <= _MOST_PIXELS and len(picture.data) <= _MOST_BYTES
    if is_small and picture.mime in (PNG, _JPEG):
        return picture
    image = image.convert("RGBA" if _is_transparent(image) else "RGB")
    image.thumbnail((_MOST_PIXELS, _MOST_PIXELS))
    data = _encoded(image, "PNG")
    if len(data) <= _MOST_BYTES:
        return Media(data, PNG)
    # Photographs and noise: at this size no detail is lost that anybody would see.
    return Media(_encoded(_on_white(image), "JPEG", quality=80), _JPEG)


def _is_transparent(image: Any) -> bool:
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


def _on_white(image: Any) -> Any:
    from PIL import Image

    if image.mode != "RGBA":
        return image
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _encoded(image: Any, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, optimize=True, **options)
    return file.getvalue()
