"""Every kind of parameter, alone and beside others."""

EXAMPLES = [
    ("every", {"a": 1, "d": True}, [1, 1, "x", [], True, None, {}]),
    (
        "every",
        {"a": 1, "b": 2, "c": "y", "rest": [0.5, 1.5], "d": False, "e": 3, "more": "m"},
        [1, 2, "y", [0.5, 1.5], False, 3, {"more": "m"}],
    ),
    ("positional", {"a": 3}, 5),
    ("keyword", {"a": 1, "b": 2}, 3),
    ("mixed", {"a": 1, "c": 3}, {"values": [1, 2, 3, 4]}),
    ("rest_only", {"values": [1, 2, 3]}, 6),
    ("rest_only", {}, 0),
    ("names_only", {"x": 1, "y": 2}, {"x": 1, "y": 2}),
    ("nothing", {}, None),
]
FAILURES = [
    ("positional", {}, "ArgumentError"),
    ("positional", {"a": "one"}, "ArgumentError"),
    ("keyword", {"a": 1, "c": 2}, "ArgumentError"),
    ("names_only", {"x": "one"}, "ArgumentError"),
]


@expose
def every(
    a: int, b: int = 1, /, c: str = "x", *rest: float, d: bool, e: int | None = None, **more: str
) -> list:
    """Take every kind at once."""
    return [a, b, c, list(rest), d, e, more]


@expose
def positional(a: int, b: int = 2, /) -> int:
    """Take values by position alone."""
    return a + b


@expose
def keyword(*, a: int, b: int = 3) -> int:
    """Take values by name alone."""
    return a * b + 1


@expose
def mixed(a: int, b: int = 2, *, c: int, d: int = 4) -> dict[str, list[int | None]]:
    """Take the first by either, the others by name."""
    return {"values": [a, b, c, d]}


@expose
def rest_only(*values: int) -> int:
    """Add any number of values."""
    return sum(values)


@expose
def names_only(**values: int) -> dict[str, int]:
    """Give back what was named."""
    return values


@expose
def nothing() -> None:
    """Do nothing."""
