"""A call on its way, as both ways to the worker know it."""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeAlias

from seer_rpc.client.streams import Source
from seer_rpc.errors import ArgumentError
from seer_runtime.wire.frames import Frame

Outcome: TypeAlias = Frame | Source
"""A RESULT or ERROR frame, or where the frames of a stream come from."""

_LONGEST = (2**32 - 1) / 1000
"""Seconds that fit into a frame: 49 days."""


@dataclass
class Call:
    """A call without an outcome."""

    frame: Frame
    deadline: float | None = None
    """When time.monotonic() passes it, the caller waits no more."""

    stays: bool = False
    """Whether its answer stays with the front, for another one who asks for it."""

    @property
    def future(self) -> Future[Outcome]:
        """Its outcome, where that comes over the link; made when it is first asked for."""
        known = vars(self)
        if "_future" not in known:
            # Of several threads that ask at once the first one's counts: in one step.
            known.setdefault("_future", Future())
        future: Future[Outcome] = known["_future"]
        return future

    @property
    def seq(self) -> int:
        """Its number."""
        return self.frame.seq

    @property
    def time_left(self) -> float | None:
        """Seconds to the deadline, none less than 0."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())


def milliseconds(timeout: float | None) -> int:
    """Give a timeout in seconds as frames have it.

    Raises:
        ArgumentError: it is no time that a call could take.
    """
    if timeout is None:
        return 0
    if not 0 < timeout <= _LONGEST:
        raise ArgumentError(
            f"timeout={timeout!r} must be more than 0 s and at most {_LONGEST:.0f} s"
        )
    return max(1, round(timeout * 1000))
