"""`progress()`, as interfaces call it: how far the running call is."""

from __future__ import annotations

import threading
import time

from seer_runtime.wire.codec import Codec
from seer_runtime.wire.frames import Frame, Kind
from seer_runtime.worker.link import FrontLink

_PERIOD = 0.05
"""Seconds between two reports; the last one of a call always leaves."""


class ProgressReporter:
    """Sends what the running call says of its progress."""

    def __init__(self, link: FrontLink) -> None:
        """Send over `link`."""
        self._link = link
        self._codec = Codec()
        self._call: Frame | None = None
        self._sent = 0.0

    def begin(self, call: Frame) -> None:
        """Say which call runs from now on."""
        self._call = call
        self._sent = 0.0

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Tell whoever waits for the running call how far it is.

        Args:
            done: How much is done.
            total: How much there is to do, where that is known.
            message: What is being done.
        """
        call, now = self._call, time.monotonic()
        is_last = total is not None and done >= total
        if call is None or (now - self._sent < _PERIOD and not is_last):
            return
        if threading.current_thread() is not threading.main_thread():
            # Which call another thread works for is not known.
            return
        self._sent = now
        report = [float(done), None if total is None else float(total), str(message)]
        body = self._codec.encode(report).body
        self._link.send(
            Frame(
                Kind.PROGRESS, call.session, call.seq, epoch=call.epoch, name=call.name, body=body
            )
        )
