"""What became of each item that a pool worked on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from seer_rpc.errors import SeerError
from seer_rpc.progress import Tally

if TYPE_CHECKING:
    from seer_rpc.environment.pool.mapping import Mapping

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Outcome(Generic[T, R]):
    """What became of one item."""

    index: int
    """Which one it was, from 0 on."""

    item: T
    value: R | None
    """What the function gave; all that it yielded, as a list. None where there is an error."""

    error: BaseException | None
    """Why there is no value."""

    sandbox: str
    """The name of the sandbox that had it last; empty where none did."""

    attempts: int
    """How often it was called."""

    @property
    def ok(self) -> bool:
        """Whether there is a value."""
        return self.error is None

    @property
    def started(self) -> bool:
        """Whether the function had begun to run, as far as is known."""
        return self.error.started if isinstance(self.error, SeerError) else self.error is None

    def result(self) -> R:
        """Give the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return cast(R, self.value)


class Outcomes(Generic[T, R]):
    """The outcomes of many items, as they come. Iterate it, with `for` or with `async for`.

    To stop early gives up the calls that are on their way; so do `close`, and dropping it.
    """

    def __init__(self, mapping: Mapping[T, R], items: Iterable[T], name: str) -> None:
        """Have `mapping` work on the items; `name` is for people."""
        self._mapping = mapping
        self._tally = Tally(name, len(items) if isinstance(items, Sized) else None)
        self._turn = threading.Lock()
        self._items: Iterator[T] | None = iter(items)

    def close(self) -> None:
        """Stop: the calls on their way are ended, and there are no more outcomes."""
        self._items = None
        self._mapping.end()
        self._tally.end()

    def __iter__(self) -> Outcomes[T, R]:
        """Give the outcomes themselves."""
        return self

    def __next__(self) -> Outcome[T, R]:
        """Wait for the next outcome. Raises what taking the items raises."""
        with self._turn:
            try:
                while not isinstance(found := self._step(StopIteration), Outcome):
                    found.result()
            except BaseException:
                self.close()
                raise
            return found

    def __aiter__(self) -> Outcomes[T, R]:
        """Give the outcomes themselves."""
        return self

    async def __anext__(self) -> Outcome[T, R]:
        """Await the next outcome. Raises what taking the items raises."""
        try:
            while not isinstance(found := self._step(StopAsyncIteration), Outcome):
                await asyncio.wrap_future(found)
        except BaseException:
            self.close()
            raise
        return found

    def __del__(self) -> None:
        """Nobody can take the rest."""
        self.close()

    def _step(self, end: Callable[[], BaseException]) -> Outcome[T, R] | Future[None]:
        """Give the next outcome, or what is done when there may be one; take items for that."""
        self._take_item()
        while (outcome := self._mapping.take()) is None and self._take_item():
            pass
        if outcome is not None:
            self._tally.advance()
            return outcome
        if self._mapping.is_idle:
            raise end()
        return self._mapping.arrival()

    def _take_item(self) -> bool:
        """Take one more item, where there is one and room for it; tells whether it did."""
        if self._items is None or not self._mapping.has_room:
            return False
        for item in self._items:
            self._mapping.submit(item)
            return True
        self._items = None
        return False
