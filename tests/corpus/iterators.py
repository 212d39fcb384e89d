"""Functions that give iterators and are no generators themselves."""

from collections.abc import AsyncIterator, Generator, Iterable, Iterator
from typing import Annotated, Any
import typing

from typing_extensions import Doc, TypeAliasType

EXAMPLES = [
    ("plain", {"values": [1, 2]}, [1, 2]),
    ("plain", {"values": []}, []),
    ("doubled", {"values": [1, 2]}, [2, 4]),
    ("made", {"to": 3}, [0, 1, 2]),
    ("bare", {}, ["a", 1]),
    ("noted", {}, [1, 2]),
    ("aliased", {}, [3]),
    ("own", {"to": 2}, [0, 1]),
    ("listed", {}, [1]),
    ("afterwards", {"to": 2}, [0, 1]),
    ("from_afar", {"to": 2}, [0, 1]),
    ("beside", {"to": 2}, [0, 1]),
    ("own_async", {"to": 2}, [0, 1]),
    ("Shelf.books", {}, ["one", "two"]),
    ("collected", {"values": [1, 2]}, [1, 2]),
]
FAILURES = [
    ("breaking", {"values": [1, 0]}, "ZeroDivisionError"),
    ("nothing", {}, "ValueCrossingError"),
    ("unsendable", {}, "ValueCrossingError"),
]

Numbers = TypeAliasType("Numbers", Iterator[int])


class Countdown:
    """An iterator of one's own."""

    def __init__(self, to: int):
        self.next, self.to = 0, to

    def __iter__(self):
        return self

    def __next__(self):
        if self.next == self.to:
            raise StopIteration
        self.next += 1
        return self.next - 1


class AsyncCountdown(Countdown):
    """An async one, which cannot be closed."""

    __iter__ = None

    def __aiter__(self):
        return self

    async def __anext__(self):
        try:
            return self.__next__()
        except StopIteration:
            raise StopAsyncIteration from None


def _count(to: int) -> Iterator[int]:
    yield from range(to)


async def _count_async(to: int) -> AsyncIterator[int]:
    for number in range(to):
        yield number


@expose
def plain(values: list[int]) -> Iterator[int]:
    """Give the iterator of a list."""
    return iter(values)


@expose
def doubled(values: list[int]) -> typing.Iterator[int]:
    """Give a `map`."""
    return map(lambda value: 2 * value, values)


@expose
def made(to: int) -> Generator[int, None, None]:
    """Give a generator that another function makes."""
    return _count(to)


@expose
def bare() -> Iterator:
    """Say nothing of the items."""
    return iter(["a", 1])


@expose
def noted() -> Annotated[Iterator[int], Doc("Numbers.")]:
    """Say something of the iterator."""
    return iter([1, 2])


@expose
def aliased() -> Numbers:
    """Give what has a name of its own."""
    return iter([3])


@expose
def own(to: int) -> Iterator[int]:
    """Give an iterator of one's own."""
    return Countdown(to)


@expose
def listed() -> Iterator[int]:
    """Give what can be iterated and is no iterator."""
    return [1]


@expose
async def afterwards(to: int) -> Iterator[int]:
    """Give an iterator later."""
    return iter(range(to))


@expose
async def from_afar(to: int) -> AsyncIterator[int]:
    """Give an async iterator that another function makes."""
    return _count_async(to)


@expose(concurrent=True)
async def beside(to: int) -> AsyncIterator[int]:
    """Give one beside other calls."""
    return _count_async(to)


@expose
def own_async(to: int) -> AsyncIterator[int]:
    """Give an async iterator of one's own."""
    return AsyncCountdown(to)


@expose
class Shelf:
    def books(self) -> Iterator[str]:
        """Give one after another."""
        return iter(["one", "two"])


@expose
def collected(values: list[int]) -> Iterable[int]:
    """Give what can be iterated: a value."""
    return values


@expose
def breaking(values: list[int]) -> Iterator[float]:
    """Break off."""
    return map(lambda value: 1 / value, values)


@expose
def nothing() -> Iterator[int]:
    """Give nothing to iterate."""


@expose
def unsendable() -> Iterator[Any]:
    """Give items that cannot cross."""
    return iter([object()])
