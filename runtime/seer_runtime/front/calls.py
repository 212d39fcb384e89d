"""Calls on their way through the front."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from seer_runtime.endings import given_up, overrun
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
        return given_up(overrun(self.given_up, self.frame.timeout))


def nobody(_: Frame) -> None:
    """Take the answer to a call that nobody waits for."""
