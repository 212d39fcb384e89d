"""Hints with constraints and descriptions in them."""

from typing import Annotated

from annotated_types import Gt, Len
from pydantic import Field, StringConstraints

EXAMPLES = [
    ("sample", {"temperature": 0.5}, 0.5),
    ("sample", {}, 1.0),
    ("take", {"count": 3}, 3),
    ("name", {"text": "abc"}, "ABC"),
    ("few", {"values": [1]}, 1),
]
FAILURES = [
    ("sample", {"temperature": -1.0}, "ArgumentError"),
    ("take", {"count": 0}, "ArgumentError"),
    ("name", {"text": "a-c"}, "ArgumentError"),
    ("few", {"values": []}, "ArgumentError"),
]


@expose
def sample(temperature: Annotated[float, Field(ge=0, le=2, description="How bold.")] = 1.0) -> float:
    """Give the temperature back."""
    return temperature


@expose
def take(count: Annotated[int, Gt(0), "a note"]) -> int:
    """Take at least one."""
    return count


@expose
def name(text: Annotated[str, StringConstraints(pattern="^[a-z]+$")]) -> Annotated[str, "loud"]:
    """Take letters."""
    return text.upper()


@expose
def few(values: Annotated[list[int], Len(1, 3)]) -> int:
    """Take one to three."""
    return len(values)
