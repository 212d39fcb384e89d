"""Functions that say little or nothing of their types."""

from typing import Any

EXAMPLES = [
    ("anything", {"value": {"a": [1, None]}}, {"a": [1, None]}),
    ("unhinted", {"first": 1}, [1, "x"]),
    ("partly", {"first": 1, "second": "a"}, [1, "a"]),
    ("thing", {"value": "x"}, "x"),
    ("rest", {"values": [1, "a"], "key": None}, [[1, "a"], {"key": None}]),
]
FAILURES = [("partly", {"first": "one", "second": 2}, "ArgumentError")]


@expose
def anything(value: Any) -> Any:
    """Give back whatever it is."""
    return value


@expose
def unhinted(first, second="x"):
    return [first, second]


@expose
def partly(first: int, second):
    """Say it of one alone."""
    return [first, second]


@expose
def thing(value: object) -> object:
    """Take an object."""
    return value


@expose
def rest(*values, **named):
    """Take the rest."""
    return [list(values), named]
