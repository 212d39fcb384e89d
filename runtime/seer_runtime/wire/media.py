"""Pictures and other media: what is seen or heard, as the bytes of a file.

Neither PIL nor matplotlib is imported until a value needs it.
"""

from __future__ import annotations

import importlib
import io
from dataclasses import dataclass
from typing import Any

from seer_runtime.wire.arrays import is_instance
from seer_runtime.wire.errors import UncrossableError

PNG = "image/png"


@dataclass(frozen=True, repr=False)
class Media:
    """An image, a sound or a document, for functions that have the bytes of its file."""

    data: bytes
    """What the file holds."""

    mime: str
    """What kind of file it is, "image/png" or "audio/wav" for example."""

    def __repr__(self) -> str:
        """Tell what it is."""
        return f"Media({self.mime}, {len(self.data)} bytes)"


def is_picture(value: object) -> bool:
    """Tell whether a value is an image of PIL or a figure of matplotlib."""
    return is_instance(value, "PIL.Image", "Image") or is_instance(
        value, "matplotlib.figure", "Figure"
    )


def picture_content(picture: Any) -> bytes:
    """Give a picture as the bytes of a PNG file.

    Raises:
        UncrossableError: no PNG holds colours of its kind.
    """
    content = io.BytesIO()
    if hasattr(picture, "savefig"):
        picture.savefig(content, format="png")
        return content.getvalue()
    try:
        picture.save(content, format="png")
    except OSError as error:
        raise UncrossableError(f"{error}; send .convert('RGB') of it") from None
    return content.getvalue()


def build_picture(content: bytes) -> object:
    """Give the PIL image of a PNG file, or, without PIL, the file itself."""
    try:
        pil = importlib.import_module("PIL.Image")
    except ModuleNotFoundError:
        return Media(content, PNG)
    image = pil.open(io.BytesIO(content), formats=["PNG"])
    image.load()
    return image
