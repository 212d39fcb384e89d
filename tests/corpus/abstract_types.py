"""Hints that say what something can do, not what it is."""

from collections.abc import Collection, Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Callable, Protocol

EXAMPLES = [
    ("join", {"texts": ["a", "b"]}, "ab"),
    ("keys", {"values": {"b": 1, "a": 2}}, ["a", "b"]),
    ("total", {"values": [1, 2]}, 3),
    ("count", {"values": [1, 2]}, 2),
    ("changed", {"values": {"a": 1}, "rows": [1]}, {"a": 1}),
]


class Named(Protocol):
    name: str


@expose
def join(texts: Sequence[str]) -> str:
    """Join texts."""
    return "".join(texts)


@expose
def keys(values: Mapping[str, int]) -> Sequence[str]:
    """Sort the keys."""
    return sorted(values)


@expose
def total(values: Iterable[int]) -> int:
    """Add."""
    return sum(values)


@expose
def count(values: Collection[int]) -> int:
    """Count."""
    return len(values)


@expose
def changed(values: MutableMapping[str, int], rows: MutableSequence[int]) -> Mapping[str, int]:
    """Give it back."""
    return values


@expose
def named(value: Named, key: Callable[[str], int] | None = None) -> None:
    """Take what has no description."""
