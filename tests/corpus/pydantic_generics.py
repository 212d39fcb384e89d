"""Generic pydantic models."""

from typing import Generic, TypeVar

import pydantic

EXAMPLES = [
    ("unpack", {"box": {"content": 1}}, {"content": "1"}),
]

T = TypeVar("T")


class Box(pydantic.BaseModel, Generic[T]):
    """A box."""

    content: T


@expose
def unpack(box: Box[int]) -> Box[str]:
    """Put the number into another box, as text."""
    return Box[str](content=str(box.content))
