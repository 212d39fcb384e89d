"""The numbers of a session's calls, and what is known of their answers."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from seer_rpc.errors import QueueFullError
from seer_runtime.wire.limits import WINDOW


class CallNumbers:
    """Numbers calls; knows up to which number every answer has arrived."""

    def __init__(self) -> None:
        """Begin with 1."""
        self.acked = 0
        """Every answer up to this number has arrived."""
        self._last = 0
        self._is_over = False
        self._answered: set[int] = set()
        # A stream that is dropped is answered by whatever runs at that moment.
        self._lock = threading.RLock()
        self._room = threading.Condition(self._lock)
        self._waiting = 0

    def resume(self, last: int, pending: Iterable[int]) -> None:
        """Go on behind `last`: of the calls up to there, those that are `pending` lack answers."""
        with self._lock:
            lacking = set(pending)
            self._last = last
            self.acked = min(lacking, default=last + 1) - 1
            self._answered = set(range(self.acked + 1, last + 1)) - lacking

    @property
    def is_full(self) -> bool:
        """Whether there is no room for one more call."""
        return self._last >= self.acked + WINDOW and not self._is_over

    def next(self, given: list[int] | None = None, uncollected: int = 0) -> int:
        """Give the next number, once there is room for one more call.

        `given` has it too, whatever interrupts the caller just then. Nobody waits for the answers
        of so many calls that are `uncollected`.

        Raises:
            QueueFullError: there is no room, and no call on its way whose end would make some.
        """
        with self._lock:
            # What interrupts the waiting must take no number along.
            while self.is_full:
                self._check_progress(uncollected)
                self._wait()
            self._last += 1
            if given is not None:
                given.append(self._last)
            return self._last

    def try_next(self, uncollected: int = 0) -> int | None:
        """Give the next number, where there is room for one more call. Raises what `next` does."""
        with self._lock:
            if self.is_full:
                self._check_progress(uncollected)
                return None
            self._last += 1
            return self._last

    def lacks(self, seq: int) -> bool:
        """Tell whether the answer to a call has not arrived, and somebody wants it."""
        with self._lock:
            return seq > self.acked and seq not in self._answered

    def received(self) -> list[int]:
        """Give the numbers beyond `acked` whose answers have arrived."""
        with self._lock:
            return sorted(self._answered)

    def close(self) -> None:
        """Let nobody wait for room any more: there are no more answers."""
        with self._lock:
            self._is_over = True
            self._room.notify_all()

    def answer(self, seq: int) -> None:
        """Say that the answer to a call has arrived, or that nobody wants it."""
        with self._lock:
            if seq != self.acked + 1:
                if seq > self.acked:
                    self._answered.add(seq)
                return
            self.acked = seq
            while self.acked + 1 in self._answered:
                self.acked += 1
                self._answered.discard(self.acked)
            if self._waiting:
                self._room.notify_all()

    def _check_progress(self, uncollected: int) -> None:
        if self._last - self.acked - len(self._answered) <= uncollected:
            raise QueueFullError(
                f"nothing can be called before pending calls are collected: after the oldest of "
                f"them come {WINDOW} others",
                hint="collect() what is pending, or call under another session name",
            )

    def _wait(self) -> None:
        self._waiting += 1
        try:
            self._room.wait()
        finally:
            self._waiting -= 1
