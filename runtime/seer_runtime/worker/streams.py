"""Results that are streams: items leave as they come, as fast as the caller takes them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from types import AsyncGeneratorType, GeneratorType, TracebackType
from typing import Any, Self, TypeAlias

from seer_runtime.wire.codec import Encoded
from seer_runtime.wire.errors import EncodeError
from seer_runtime.wire.frames import Frame, Kind
from seer_runtime.wire.items import pack_items
from seer_runtime.wire.limits import STREAM_BYTES, STREAM_ITEMS

_FRAME_ITEMS = 256
_FRAME_BYTES = 64 << 10


Send: TypeAlias = Callable[[Frame, Callable[[], bool]], None]


def items_of(
    value: object, function: str, *, is_stream: bool
) -> Iterable[Any] | AsyncIterator[Any] | None:
    """Give the items of a function's result; None where that is a value.

    What a generator gives are items, and whatever there is to iterate in the result of a function
    whose hint says so (`is_stream`).

    Raises:
        EncodeError: the hint says so, and there is nothing to iterate.
    """
    if not is_stream and not isinstance(value, GeneratorType | AsyncGeneratorType):
        return None
    match value:
        case Iterable():
            return value
        case AsyncIterable():
            return aiter(value)
    reason = "by its hint the function gives an iterator"
    raise EncodeError(f"the result of {function}()", type(value).__name__, reason)


class StreamSender:
    """Sends the items of one stream from a thread of its own.

    The first item leaves at once; what has gathered by the time that one is sent leaves as one
    frame. `put` waits while too much is on its way.
    """

    def __init__(self, send: Send, head: Frame) -> None:
        """Send frames like `head` with `send`, which asks how long to wait for who takes them."""
        self._send = send
        self._head = head._replace(kind=Kind.ITEMS)
        self._changed = threading.Condition()
        self._queue: deque[Encoded] = deque()
        self._sizes: deque[int] = deque()
        """Of the items that were put and not taken yet."""
        self._taken = 0
        self._bytes = self._sent = 0
        self._given_up = False
        self._done = False
        self._is_idle = False
        """Whether the thread waits for items."""
        self._thread = threading.Thread(target=self._run, name="seer-stream", daemon=True)

    def put(self, item: Encoded) -> bool:
        """Take an item, once there is room; False where nobody wants one any more."""
        size = item.size
        with self._changed:
            if not self._has_room(size):
                self._changed.wait_for(lambda: self._given_up or self._has_room(size))
            if self._given_up:
                return False
            self._queue.append(item)
            self._sizes.append(size)
            self._bytes += size
            if self._is_idle:
                self._changed.notify_all()
        return True

    def acknowledge(self, taken: int) -> None:
        """Make room: so many items were taken since the beginning."""
        with self._changed:
            while self._taken < taken and self._sizes:
                self._bytes -= self._sizes.popleft()
                self._taken += 1
            self._changed.notify_all()

    def give_up(self) -> None:
        """Let nobody wait for room any more."""
        with self._changed:
            self._given_up = True
            self._changed.notify_all()

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """Wait until everything is sent."""
        with self._changed:
            self._done = True
            self._changed.notify_all()
        self._thread.join()

    def _has_room(self, size: int) -> bool:
        if not self._sizes:
            return True
        return len(self._sizes) < STREAM_ITEMS and self._bytes + size <= STREAM_BYTES

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                self._send(self._frame(batch), lambda: not self._given_up)
                self._sent += len(batch)
        finally:
            # Whatever ended it: nobody sends what is put from now on.
            self.give_up()

    def _next_batch(self) -> list[Encoded]:
        """Wait for items; give what is there, or nothing at the end."""
        with self._changed:
            self._is_idle = True
            self._changed.wait_for(lambda: self._queue or self._done)
            self._is_idle = False
            batch: list[Encoded] = []
            size = 0
            while self._queue and len(batch) < _FRAME_ITEMS and size < _FRAME_BYTES:
                # Segments are numbered within a frame: an item that has some goes alone.
                if batch and (self._queue[0].segments or batch[0].segments):
                    break
                batch.append(self._queue.popleft())
                size += len(batch[-1].body)
            return batch

    def _frame(self, batch: list[Encoded]) -> Frame:
        body = pack_items(item.body for item in batch)
        # Whoever gets a frame twice knows it by the number of the items before it.
        return self._head._replace(ack=self._sent, body=body, segments=batch[0].segments)
