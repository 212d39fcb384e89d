"""Paths, ids and exact numbers."""

from decimal import Decimal
from pathlib import Path, PurePosixPath
from uuid import UUID

EXAMPLES = [
    ("stem", {"path": "/a/b.txt"}, "b"),
    ("join", {"folder": "/a", "names": ["b", "c"]}, "/a/b/c"),
    ("version", {"value": "12345678-1234-4234-8234-123456789abc"}, 4),
    ("add", {"first": "0.1", "second": "0.2"}, "0.3"),
]
FAILURES = [("version", {"value": "x"}, "ArgumentError")]


@expose
def stem(path: Path) -> str:
    """Give a file's name without its ending."""
    return path.stem


@expose
def join(folder: Path, names: list[str]) -> Path:
    """Put names behind a folder."""
    return folder.joinpath(*names)


@expose
def version(value: UUID) -> int:
    """Give the version of an id."""
    return value.version


@expose
def add(first: Decimal, second: Decimal) -> Decimal:
    """Add without rounding."""
    return first + second


@expose
def pure(path: PurePosixPath) -> str:
    """Take a path of a kind that has no description."""
    return str(path)
