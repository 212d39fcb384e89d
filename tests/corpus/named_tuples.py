"""Named tuples."""

from collections import namedtuple
from typing import NamedTuple

EXAMPLES = [
    ("length", {"span": [1, 4]}, 3),
    ("widest", {"spans": [[1, 4], [0, 9]]}, {"start": 0, "end": 9}),
    ("halves", {"start": 0, "end": 4}, [{"start": 0, "end": 2}, {"start": 2, "end": 4}]),
]
FAILURES = [("length", {"span": ["a", 4]}, "ArgumentError")]


class Span(NamedTuple):
    """From a start to an end."""

    start: int
    end: int = -1


Pair = namedtuple("Pair", "first second", defaults=(None,))


@expose
def length(span: Span) -> int:
    """Give the length of a span."""
    return span.end - span.start


@expose
def widest(spans: list[Span]) -> Span:
    """Give the longest span."""
    return max(spans, key=lambda span: span.end - span.start)


@expose
def halves(start: int, end: int) -> tuple[Span, Span]:
    """Cut a span in two."""
    return Span(start, (start + end) // 2), Span((start + end) // 2, end)


@expose
def pair(value: Pair = Pair(1)) -> Pair:
    """Take one without hints."""
    return value
