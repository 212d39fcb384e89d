"""`progress()`, as interfaces call it: how far the running call is."""

from __future__ import annotations

import time
from contextvars import ContextVar

from seer_runtime.secrecy import SECRECY
from seer_runtime.wire.codec import Codec
from seer_runtime.wire.frames import Kind
from seer_runtime.worker.running import Running

CURRENT: ContextVar[Running | None] = ContextVar("seer_call", default=None)
"""The call that the current thread or task works for."""

_PERIOD = 0.05
"""Seconds between two reports; the last one of a call always leaves."""


class ProgressReporter:
    """Sends what a running call says of its progress."""

    def __init__(self) -> None:
        """Nothing was said yet."""
        self._codec = Codec()
        self._last: tuple[tuple[bytes, int] | None, float] = None, 0.0

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Tell whoever waits for the running call how far it is.

        Args:
            done: How much is done.
            total: How much there is to do, where that is known.
            message: What is being done.
        """
        running = CURRENT.get()
        if running is None or running.is_over:
            return
        call = running.call
        now, is_last = time.monotonic(), total is not None and done >= total
        if self._last[0] == call.key and now - self._last[1] < _PERIOD and not is_last:
            return
        self._last = call.key, now
        report = [float(done), None if total is None else float(total), str(message)]
        body = SECRECY.content(self._codec.encode(report).body, "a message of progress")
        frame = call.frame
        call.connection.answer(
            frame._replace(kind=Kind.PROGRESS, timeout=0, ack=0, body=body, segments=())
        )
