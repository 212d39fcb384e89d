"""Streams that arrive: iterators, for sync and async callers alike."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from seer_rpc.errors import SeerError
from seer_runtime.wire.frames import Frame, Kind
from seer_runtime.wire.limits import STREAM_ITEMS


class ResultStream:
    """The items of one call's result, in order. Iterate it, with `for` or with `async for`.

    To stop early ends the function; so does `close`, and dropping the stream.
    """

    def __init__(
        self,
        items: Callable[[Frame], list[Any]],
        more: Callable[[int], None],
        cancel: Callable[[], None],
    ) -> None:
        """Decode with `items`; tell the runtime with `more` what was taken, or to `cancel`."""
        self._items = items
        self._more = more
        self._cancel = cancel
        self._lock = threading.Lock()
        self._arrived: deque[Frame | SeerError] = deque()
        self._waiter: Future[None] | None = None
        self._buffer: Iterator[Any] = iter(())
        self._taken = self._told = 0
        self._over = False

    def put(self, arrived: Frame | SeerError) -> None:
        """Take what arrived: called by the session, from another thread."""
        with self._lock:
            self._arrived.append(arrived)
            waiter, self._waiter = self._waiter, None
        if waiter is not None and waiter.set_running_or_notify_cancel():
            waiter.set_result(None)

    def close(self) -> None:
        """Stop: the function is ended, and there are no more items."""
        self._buffer = iter(())
        if not self._over:
            self._over = True
            self._cancel()

    def __iter__(self) -> ResultStream:
        """Give the stream itself."""
        return self

    def __next__(self) -> Any:
        """Wait for the next item. Raises what the function raises, when it comes to that."""
        while True:
            for item in self._buffer:
                return self._take(item)
            try:
                self._arrival().result()
            except BaseException:
                self.close()
                raise
            if not self._open():
                raise StopIteration

    def __aiter__(self) -> ResultStream:
        """Give the stream itself."""
        return self

    async def __anext__(self) -> Any:
        """Await the next item. Raises what the function raises, when it comes to that."""
        while True:
            for item in self._buffer:
                return self._take(item)
            try:
                await asyncio.wrap_future(self._arrival())
            except BaseException:
                self.close()
                raise
            if not self._open():
                raise StopAsyncIteration

    def __del__(self) -> None:
        """Nobody can take the rest."""
        self.close()

    def _take(self, item: Any) -> Any:
        self._taken += 1
        if self._taken - self._told >= STREAM_ITEMS // 4:
            self._tell()
        return item

    def _tell(self) -> None:
        if self._taken > self._told and not self._over:
            self._told = self._taken
            self._more(self._taken)

    def _arrival(self) -> Future[None]:
        """Give what is done when something has arrived."""
        arrival: Future[None] = Future()
        with self._lock:
            if self._arrived or self._over:
                arrival.set_result(None)
            else:
                self._waiter = arrival
        if not arrival.done():
            # Whoever waits has taken everything: the runtime may be waiting for just that.
            self._tell()
        return arrival

    def _open(self) -> bool:
        """Open what arrived; False at the end."""
        if self._over:
            return False
        arrived = self._arrived.popleft()
        if isinstance(arrived, SeerError):
            self._over = True
            raise arrived
        self._over = arrived.kind is not Kind.ITEMS
        self._buffer = iter(self._items(arrived))
        return True
