"""Names that the generated package needs for itself."""

from dataclasses import dataclass

EXAMPLES = [
    ("remote", {"result": "a", "remote": 1}, "a1"),
    ("SERVER_DEFAULT", {"args": 1, "kwargs": 2, "TYPE_CHECKING": 3}, {"sum": 6}),
    ("Any", {"Any": 1}, 1),
    ("annotations", {"annotations": 1}, 1),
    ("builtins", {"value": {"typing": 1}}, 1),
    ("RemoteInterface", {}, [1]),
    ("contextlib", {}, None),
]


@dataclass
class typing:
    typing: int


@dataclass
class dataclasses:
    """A class called as a module is."""

    field: int = 0


@expose
def remote(result: str, remote: int) -> str:
    """Join."""
    return f"{result}{remote}"


@expose
def SERVER_DEFAULT(args: int, kwargs: int, TYPE_CHECKING: int, other=object) -> dict[str, int]:
    """Add."""
    return {"sum": args + kwargs + TYPE_CHECKING}


@expose
def Any(Any, typing=None):
    return Any


@expose
def annotations(annotations: int) -> int:
    """Give it back."""
    return annotations


@expose
def builtins(value: typing, other: dataclasses = dataclasses()) -> int:
    """Read it."""
    return value.typing


@expose
def RemoteInterface() -> list[int]:
    """Give one."""
    return [1]


@expose
def contextlib(options: float | None = None, timeout: float = 1.0) -> None:
    """Give nothing."""


@expose
def collections(Iterator: int = 1) -> "Iterator_[int]":
    """Count."""
    yield Iterator


from collections.abc import Iterator as Iterator_
