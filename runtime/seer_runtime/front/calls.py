"""Calls on their way through the front, and the queue in which they wait for a worker."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from seer_runtime.wire.frames import CallKey, Frame
from seer_runtime.wire.pb.runtime_pb2 import Failure

Reply: TypeAlias = Callable[[Frame], None]

MOST_WAITING = 8192
"""Calls of all sessions that may wait for one interface."""


@dataclass
class Call:
    """A call without an answer."""

    frame: Frame
    reply: Reply
    is_direct: bool = False
    """Whether the client made it directly, and so may get its answer there."""

    given_up: Failure.Kind.ValueType | None = None
    """CANCELLED or DEADLINE, once nobody waits for its end."""

    timers: list[asyncio.TimerHandle | asyncio.Task[None]] = field(default_factory=list)

    @property
    def key(self) -> CallKey:
        """What it is known by."""
        return self.frame.key

    def answer(self, frame: Frame) -> None:
        """Answer it, and forget what was planned for it."""
        for timer in self.timers:
            timer.cancel()
        self.reply(frame)

    def giving_up(self) -> Failure:
        """Say why the caller gave it up, as one that has not begun."""
        if self.given_up == Failure.CANCELLED:
            return Failure(kind=Failure.CANCELLED, message="the call was cancelled")
        return late(self.frame.timeout)


def late(timeout: int) -> Failure:
    """Say that a call got no result in the milliseconds that its caller gave."""
    return Failure(
        kind=Failure.DEADLINE,
        message=f"no result within the {timeout / 1000:g} s that the caller gave",
        hint="give a longer timeout, or none",
    )


class CallQueue:
    """Calls that wait, the sessions taking turns."""

    def __init__(self) -> None:
        """Begin with none."""
        self._sessions: dict[bytes, deque[Call]] = {}
        self._count = 0

    def __len__(self) -> int:
        """Give the number of calls."""
        return self._count

    def __iter__(self) -> Iterator[Call]:
        """Give the calls in no order."""
        for queue in self._sessions.values():
            yield from queue

    def put(self, call: Call) -> None:
        """Add a call behind its session's others."""
        self._sessions.setdefault(call.frame.session, deque()).append(call)
        self._count += 1

    def pop(self) -> Call | None:
        """Give the call whose turn it is."""
        for session, queue in self._sessions.items():
            del self._sessions[session]
            call = queue.popleft()
            if queue:
                # The next one is another's turn.
                self._sessions[session] = queue
            self._count -= 1
            return call
        return None

    def remove(self, call: Call) -> bool:
        """Take a call out; False where it does not wait."""
        queue = self._sessions.get(call.frame.session, deque())
        if call not in queue:
            return False
        queue.remove(call)
        if not queue:
            del self._sessions[call.frame.session]
        self._count -= 1
        return True

    def clear(self) -> list[Call]:
        """Take all out."""
        calls = list(self)
        self._sessions.clear()
        self._count = 0
        return calls
