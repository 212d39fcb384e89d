"""Values that are one of a few."""

from typing import Literal, Optional

EXAMPLES = [
    ("choose", {"mode": "fast"}, "fast"),
    ("choose", {}, "slow"),
    ("level", {"value": 2}, 2),
    ("mixed", {"value": None}, None),
    ("quoted", {"mark": "'"}, "'"),
]
FAILURES = [
    ("choose", {"mode": "other"}, "ArgumentError"),
    ("level", {"value": 3}, "ArgumentError"),
]


@expose
def choose(mode: Literal["fast", "slow"] = "slow") -> Literal["fast", "slow"]:
    """Choose a mode."""
    return mode


@expose
def level(value: Literal[1, 2, -1]) -> int:
    """Choose a number."""
    return value


@expose
def mixed(value: Optional[Literal["a", 1, True]]) -> Literal["a", 1, True, None]:
    """Choose among several types."""
    return value


@expose
def quoted(mark: Literal['"', "'", "\\", '"""', "\n"]) -> str:
    """Choose a mark that source needs care for."""
    return mark


@expose
def data(value: Literal[b"\x00x"]) -> bytes:
    """Take bytes."""
    return value
