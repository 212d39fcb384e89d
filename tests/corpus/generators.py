"""Functions that give one item after another."""

from collections.abc import Generator, Iterable, Iterator

EXAMPLES = [
    ("count", {"to": 3}, [0, 1, 2]),
    ("count", {"to": 0}, []),
    ("words", {"text": "a b"}, ["a", "b"]),
    ("unhinted", {}, [1, "two"]),
]
FAILURES = [("broken", {}, "ValueError")]


@expose
def count(to: int) -> Iterator[int]:
    """Count."""
    yield from range(to)


@expose
def words(text: str) -> Generator[str, None, None]:
    """Give one word after another."""
    yield from text.split()


@expose
def unhinted():
    """Say nothing of the items."""
    yield 1
    yield "two"


@expose
def broken() -> Iterable[int]:
    """Break off."""
    yield 1
    raise ValueError("no more")
