"""New types, type variables and hints of strings."""

from typing import NewType, Optional, TypeVar

EXAMPLES = [
    ("user", {"id": 1}, 2),
    ("first", {"values": [1, 2]}, 1),
    ("number", {"value": 1.5}, 1.5),
    ("written", {"value": 1}, [1]),
]

UserId = NewType("UserId", int)
T = TypeVar("T")
N = TypeVar("N", bound=float)


@expose
def user(id: UserId) -> UserId:
    """Give the next user."""
    return UserId(id + 1)


@expose
def first(values: list[T]) -> T:
    """Give the first."""
    return values[0]


@expose
def number(value: N) -> N:
    """Take a number."""
    return value


@expose
def written(value: "Optional[int]") -> "list[Optional[int]]":
    """Have hints that are written as text."""
    return [value]
