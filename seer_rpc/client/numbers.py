"""The numbers of a session's calls, and what is known of their answers."""

from __future__ import annotations

import itertools
import threading

from seer_runtime.wire.limits import WINDOW


class CallNumbers:
    """Numbers calls; knows up to which number every answer has arrived."""

    def __init__(self) -> None:
        """Begin with 1."""
        self.acked = 0
        """Every answer up to this number has arrived."""
        self._numbers = itertools.count(1)
        self._answered: set[int] = set()
        self._changed = threading.Condition()
        self._blocked = 0

    def next(self) -> int:
        """Give the next number, once there is room for one more call."""
        seq = next(self._numbers)
        if seq > self.acked + WINDOW:
            with self._changed:
                self._blocked += 1
                self._changed.wait_for(lambda: seq <= self.acked + WINDOW)
                self._blocked -= 1
        return seq

    def answer(self, seq: int) -> None:
        """Say that the answer to a call has arrived, or that nobody wants it."""
        with self._changed:
            if seq != self.acked + 1:
                if seq > self.acked:
                    self._answered.add(seq)
                return
            self.acked = seq
            while self.acked + 1 in self._answered:
                self.acked += 1
                self._answered.discard(self.acked)
            if self._blocked:
                self._changed.notify_all()
