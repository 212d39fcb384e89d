"""Functions and parameters called as builtins are."""

import builtins

EXAMPLES = [
    ("print", {"args": [1, 2], "x": "y"}, "[1, 2] {'x': 'y'}"),
    ("list", {"int": 2}, {"x": 2.0}),
    ("type", {"object": "a"}, "a"),
    ("str", {}, ["a", 1]),
    ("bool", {"bool": False}, True),
    ("None_", {"dict": {"a": 1}}, None),
]


@expose
def print(*args: builtins.int, **kwargs: builtins.str) -> builtins.str:
    """Write down what was given."""
    return f"{builtins.list(args)} {kwargs}"


@expose
def list(int: builtins.int, str: builtins.str = "x") -> dict[builtins.str, float]:
    """Give a number by its name."""
    return {str: float(int)}


@expose
def type(object: builtins.str, float: float = float("inf"), set: set[int] = set()) -> builtins.str:
    """Give the text back."""
    return object


@expose
def str() -> tuple[builtins.str, builtins.int]:
    """Give a pair."""
    return "a", 1


@expose
def bool(bool: builtins.bool = True) -> builtins.bool:
    """Negate."""
    return not bool


@expose
def None_(dict: dict[builtins.str, builtins.int]) -> None:
    """Give nothing."""


@expose
def lists(a: builtins.list[builtins.int]) -> builtins.list[builtins.list[builtins.str]]:
    """Use the names in hints."""
    return [[builtins.str(each)] for each in a]


@expose
def property(staticmethod: builtins.int = 1, classmethod: builtins.int = 2) -> builtins.int:
    """Have the names of decorators."""
    return staticmethod + classmethod
