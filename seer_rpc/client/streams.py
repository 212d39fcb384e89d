"""Streams that arrive: iterators, for sync and async callers alike."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Protocol

from seer_rpc.errors import SeerError
from seer_runtime.wire.frames import Frame, Kind
from seer_runtime.wire.limits import STREAM_ITEMS


class Source(Protocol):
    """Where the frames of a stream come from."""

    def next(self) -> Frame:
        """Wait for the next frame. Raises SeerError where there will be none."""

    async def next_async(self) -> Frame:
        """Await the next frame. Raises SeerError where there will be none."""

    def has_arrived(self) -> bool:
        """Tell whether `next` would not have to wait."""

    def tell(self, taken: int) -> None:
        """Say how many items were taken since the beginning."""

    def cancel(self) -> None:
        """Say that nobody takes the rest."""


class ResultStream:
    """The items of one call's result, in order. Iterate it, with `for` or with `async for`.

    To stop early ends the function; so does `close`, and dropping the stream.
    """

    def __init__(self, source: Source, items: Callable[[Frame], list[Any]]) -> None:
        """Decode with `items` what comes from `source`."""
        self._source = source
        self._items = items
        self._buffer: Iterator[Any] = iter(())
        self._taken = self._told = 0
        self._over = False

    def close(self) -> None:
        """Stop: the function is ended, and there are no more items."""
        self._buffer = iter(())
        if not self._over:
            self._over = True
            self._source.cancel()

    def __iter__(self) -> ResultStream:
        """Give the stream itself."""
        return self

    def __next__(self) -> Any:
        """Wait for the next item. Raises what the function raises, when it comes to that."""
        while True:
            for item in self._buffer:
                return self._take(item)
            if self._over:
                raise StopIteration
            self._prepare()
            try:
                frame = self._source.next()
            except BaseException:
                self.close()
                raise
            self._open(frame)

    def __aiter__(self) -> ResultStream:
        """Give the stream itself."""
        return self

    async def __anext__(self) -> Any:
        """Await the next item. Raises what the function raises, when it comes to that."""
        while True:
            for item in self._buffer:
                return self._take(item)
            if self._over:
                raise StopAsyncIteration
            self._prepare()
            try:
                frame = await self._source.next_async()
            except BaseException:
                self.close()
                raise
            self._open(frame)

    def __del__(self) -> None:
        """Nobody can take the rest."""
        self.close()

    def _take(self, item: Any) -> Any:
        self._taken += 1
        if self._taken - self._told >= STREAM_ITEMS // 4:
            self._tell()
        return item

    def _prepare(self) -> None:
        """Say what was taken before waiting: the runtime may be waiting for just that."""
        if not self._source.has_arrived():
            self._tell()

    def _tell(self) -> None:
        if self._taken > self._told and not self._over:
            self._told = self._taken
            self._source.tell(self._taken)

    def _open(self, frame: Frame) -> None:
        """Open what arrived. Raises what it says."""
        self._over = frame.kind is not Kind.ITEMS
        self._buffer = iter(self._items(frame))


class Arrivals:
    """A source that is filled from another thread."""

    def __init__(self, tell: Callable[[int], None], cancel: Callable[[], None]) -> None:
        """Begin empty; tell the runtime with `tell` and `cancel`."""
        self._on_tell = tell
        self._on_cancel = cancel
        self._lock = threading.Lock()
        self._arrived: deque[Frame | SeerError] = deque()
        self._waiter: Future[None] | None = None
        self._newest = -1
        """The number of the items before the newest frame."""
        self.taken = 0
        """How many items its reader said it took."""
        self.is_cancelled = False

    def put(self, arrived: Frame | SeerError) -> None:
        """Take what arrived; a frame that came before is dropped."""
        with self._lock:
            if isinstance(arrived, Frame) and arrived.kind is Kind.ITEMS:
                if arrived.ack <= self._newest:
                    return
                self._newest = arrived.ack
            self._arrived.append(arrived)
            waiter, self._waiter = self._waiter, None
        if waiter is not None and waiter.set_running_or_notify_cancel():
            waiter.set_result(None)

    def next(self) -> Frame:
        """Wait for the next frame. Raises SeerError where there will be none."""
        self._arrival().result()
        return self._pop()

    async def next_async(self) -> Frame:
        """Await the next frame. Raises SeerError where there will be none."""
        await asyncio.wrap_future(self._arrival())
        return self._pop()

    def has_arrived(self) -> bool:
        """Tell whether `next` would not have to wait."""
        return bool(self._arrived)

    def tell(self, taken: int) -> None:
        """Say how many items were taken since the beginning."""
        self.taken = taken
        self._on_tell(taken)

    def cancel(self) -> None:
        """Say that nobody takes the rest."""
        self.is_cancelled = True
        self._on_cancel()

    def _arrival(self) -> Future[None]:
        """Give what is done when something has arrived."""
        arrival: Future[None] = Future()
        with self._lock:
            if self._arrived:
                arrival.set_result(None)
            else:
                self._waiter = arrival
        return arrival

    def _pop(self) -> Frame:
        arrived = self._arrived.popleft()
        if isinstance(arrived, SeerError):
            raise arrived
        return arrived
