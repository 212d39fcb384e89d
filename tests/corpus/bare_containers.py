"""Containers that say nothing of their content."""

EXAMPLES = [
    ("length", {"values": [1, "x", None]}, 3),
    ("keys", {"values": {"b": 1, "a": [2]}}, ["a", "b"]),
    ("both", {"first": [1], "second": [2]}, [1, 2]),
    ("old", {"values": [1], "names": {"a": 2}}, [1, "a"]),
]
FAILURES = [("length", {"values": {"a": 1}}, "ArgumentError")]

from typing import Dict, List, Tuple


@expose
def length(values: list) -> int:
    """Count."""
    return len(values)


@expose
def keys(values: dict) -> list:
    """Sort the keys."""
    return sorted(values)


@expose
def both(first: tuple, second: set) -> list:
    """Join."""
    return [*first, *second]


@expose
def old(values: List[int], names: Dict[str, int]) -> Tuple[int, str]:
    """Use the older spelling."""
    return values[0], next(iter(names))
