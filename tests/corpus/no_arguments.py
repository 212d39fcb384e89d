"""Functions that take nothing."""

EXAMPLES = [
    ("names", {}, ["a", "b"]),
    ("count", {}, 2),
    ("ratio", {}, 0.5),
    ("ready", {}, True),
    ("title", {}, "x"),
    ("nothing", {}, None),
    ("table", {}, {"a": {"b": [1, 2.5, None]}}),
]
FAILURES = [("count", {"extra": 1}, "ArgumentError")]


@expose
def names() -> list[str]:
    """Give names."""
    return ["a", "b"]


@expose
def count() -> int:
    """Give a count."""
    return 2


@expose
def ratio() -> float:
    """Give a ratio."""
    return 0.5


@expose
def ready() -> bool:
    """Say whether it is ready."""
    return True


@expose
def title() -> str:
    """Give a title."""
    return "x"


@expose
def nothing() -> None:
    """Give nothing."""


@expose
def table() -> dict:
    """Give a table."""
    return {"a": {"b": [1, 2.5, None]}}
