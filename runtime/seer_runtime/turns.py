"""Calls that wait, the sessions taking turns."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from seer_runtime.wire.frames import Frame


class Waiting(Protocol):
    """A call that waits."""

    frame: Frame


_C = TypeVar("_C", bound=Waiting)


class TurnQueue(Generic[_C]):
    """Gives the calls of each session in their order, and one session's after another's."""

    def __init__(self) -> None:
        """Begin with none."""
        self._sessions: dict[bytes, deque[_C]] = {}
        self._count = 0

    def __len__(self) -> int:
        """Give the number of calls."""
        return self._count

    def __iter__(self) -> Iterator[_C]:
        """Give the calls in no order."""
        for queue in self._sessions.values():
            yield from queue

    def put(self, call: _C) -> None:
        """Add a call behind its session's others."""
        queue = self._sessions.get(call.frame.session)
        if queue is None:
            queue = self._sessions[call.frame.session] = deque()
        queue.append(call)
        self._count += 1

    def pop(self) -> _C | None:
        """Give the call whose turn it is."""
        for session, queue in self._sessions.items():
            call = queue.popleft()
            del self._sessions[session]
            if queue:
                # The next one is another's turn.
                self._sessions[session] = queue
            self._count -= 1
            return call
        return None

    def pop_some(self, name: str, most: int) -> list[_C]:
        """Give calls of the function `name`, as long as none of another one is before them."""
        some: list[_C] = []
        for session, queue in list(self._sessions.items()):
            while queue and len(some) < most and queue[0].frame.name == name:
                some.append(queue.popleft())
            if not queue:
                del self._sessions[session]
        self._count -= len(some)
        return some

    def remove(self, call: _C) -> bool:
        """Take a call out; False where it does not wait."""
        queue = self._sessions.get(call.frame.session, deque())
        if call not in queue:
            return False
        queue.remove(call)
        if not queue:
            del self._sessions[call.frame.session]
        self._count -= 1
        return True

    def clear(self) -> list[_C]:
        """Take all out."""
        calls = list(self)
        self._sessions.clear()
        self._count = 0
        return calls
