"""Tell a worker which of its memory is free again, where no call does it in passing."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

_PATIENCE = 0.02
"""Seconds in which a call is likely to follow that says it in passing."""


class Releases:
    """Waits a moment after memory has become unused, then says so."""

    def __init__(self, say: Callable[[], None]) -> None:
        """Have `say` called, on a thread of its own that starts when it is needed."""
        self._say = say
        # A put may interrupt a put on the same thread.
        self._notes: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._is_noted = False
        self._thread: threading.Thread | None = None

    def note(self) -> None:
        """Hear that there is unused memory; in finalizers too."""
        if not self._is_noted:
            self._is_noted = True
            self._notes.put(True)

    def start(self) -> None:
        """Be ready for notes."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="seer-releases", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._notes.put(False)

    def _run(self) -> None:
        while self._notes.get():
            time.sleep(_PATIENCE)
            self._is_noted = False
            self._say()
