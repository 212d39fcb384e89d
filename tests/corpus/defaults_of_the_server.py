"""Defaults that only the interface can make; callers leave them out."""

from pathlib import Path

MODEL = object()
EXAMPLES = [
    ("where", {}, "models"),
    ("where", {"path": "/tmp/x"}, "x"),
    ("which", {"name": "a"}, "a with the default"),
    ("between", {"first": 1}, [1, "paths", 2]),
    ("between", {"first": 1, "last": 3}, [1, "paths", 3]),
]


class _Unset:
    def __repr__(self):
        return "<unset at 0x7f00>"


@expose
def where(path: Path = Path("/data/models")) -> str:
    """Name the last part of a path."""
    return path.name


@expose
def which(name: str, model=MODEL, unset=_Unset()) -> str:
    """Say which model it is."""
    return f"{name} with the {'default' if model is MODEL else 'given'}"


@expose
def between(first: int, path: Path = Path("/data/paths"), last: int = 2) -> list:
    """Have a plain default after one that only the server can make."""
    return [first, path.name, last]
