"""The worker's part of the journal: what its calls were and how they ended."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from seer_runtime.wire.abridgement import WHOLE, abridge, abridge_unread
from seer_runtime.wire.entries import (
    Entry,
    Fault,
    Source,
    entry_of,
    fault_of,
    join_entries,
    pack_entry,
    sizes_of,
)
from seer_runtime.wire.frames import Buffer, Frame, Kind
from seer_runtime.wire.journal import PERIOD, JournalFile
from seer_runtime.wire.pb.runtime_pb2 import Failure

if TYPE_CHECKING:
    from seer_runtime.worker.running import Running

_MOST = 16_384
"""Calls that wait to be written; the oldest give way."""

_HURRY = 1000
"""Calls from which the writer looks more often."""

_AT_ONCE = 512
"""Entries of one chunk: other threads can go on between two."""

_LARGE = 16 << 10
"""Bytes of arguments from which it counts how much memory waits."""

_MOST_BYTES = 16 << 20

_UNBEGUN = "the call was cancelled before it began"


class CallJournal:
    """Takes what there is to say of calls; a thread of its own writes it down."""

    def __init__(self, folder: str) -> None:
        """Write into `folder` once it is started; without one, write nothing."""
        self._file = JournalFile(folder) if folder else None
        # Bytes, where that is quickly done: what waits then is little to the garbage collector, and
        # to the thread that writes it, for which the calls have to wait.
        self._waiting: deque[tuple[int, bytes | Entry]] = deque(maxlen=_MOST)
        self._numbers = itertools.count()
        self._next = self._dropped = 0
        self._bytes = 0
        self._source = Source("", 0, 0.0)
        self._running: Callable[[], Iterable[Running]] = tuple
        self._writing = threading.Lock()
        self._process = os.getpid()
        self._clock = _clock()

    def start(self, interface: str, epoch: int, running: Callable[[], Iterable[Running]]) -> None:
        """Begin to write of the calls of an interface; `running` gives those that run."""
        if self._file is None:
            return
        self._source = Source(interface, epoch, 0.0)
        self._running = running
        threading.Thread(target=self._run, name="seer-journal", daemon=True).start()
        # What ends without coming here leaves its last calls to the front.
        atexit.register(self.flush)

    def add(self, running: Running, answer: Frame) -> None:
        """Take a call that is over. Every call passes here."""
        if self._file is None:
            return
        duration = time.monotonic() - running.began
        is_error = answer.kind is Kind.ERROR
        fault = fault_of(Failure.FromString(bytes(answer.body))) if is_error else None
        self._add(running.call.frame, self._clock + running.began, duration, fault)

    def add_unbegun(self, call: Frame, reason: Failure.Kind.ValueType) -> None:
        """Take a call that was cancelled before it began."""
        if self._file is None:
            return
        fault = Fault(reason, Failure.NOT_STARTED, Failure.KEPT, "", _UNBEGUN)
        self._add(call, time.time(), 0.0, fault)

    def _add(self, call: Frame, began: float, duration: float, fault: Fault | None) -> None:
        _, session, seq, _, _, _, name, body, segments = call
        sizes = sizes_of(segments) if segments else ()
        if len(body) > WHOLE:
            # Copied: what it lies in is used again sooner, and is in the processor's cache then.
            body = bytes(body) if len(body) <= _LARGE else self._large(body)
        entry = Entry(session, seq, name, began, duration, body, sizes, True, fault)
        self._waiting.append(
            (next(self._numbers), pack_entry(entry) if len(body) <= WHOLE else entry)
        )

    def flush(self) -> None:
        """Write down what there is."""
        if self._file is None or os.getpid() != self._process:
            return
        with self._writing:
            # A call that ends meanwhile comes after what is said of it as one that runs.
            self._clock = _clock()
            entries = itertools.chain(self._still_running(), self._over())
            while some := list(itertools.islice(entries, _AT_ONCE)):
                self._write(some)
            self._bytes = 0

    def _run(self) -> None:
        while True:
            waiting = len(self._waiting)
            self.flush()
            time.sleep(PERIOD * min(1.0, _HURRY / max(waiting, 1)))

    def _write(self, entries: list[bytes]) -> None:
        assert self._file is not None
        # While threads add calls at once, one may seem lost for a moment.
        dropped = max(0, self._dropped)
        source = self._source._replace(time=time.time(), dropped=dropped)
        try:
            self._file.append(join_entries(source, entries))
            self._dropped -= dropped
        except OSError:
            self._dropped += len(entries)

    def _large(self, body: Buffer) -> Buffer:
        """Give arguments that are not copied, or, where much waits already, their size alone."""
        self._bytes += len(body)
        return body if self._bytes <= _MOST_BYTES else abridge_unread(len(body))

    def _still_running(self) -> Iterator[bytes]:
        """Give the calls that take long: whoever asks sees them, even if the worker dies."""
        now = time.monotonic()
        for running in self._running():
            if not running.is_noted and now - running.began > PERIOD:
                running.is_noted = True
                entry = entry_of(running.call.frame, self._clock + running.began, None)
                yield pack_entry(entry._replace(is_over=False))

    def _over(self) -> Iterator[bytes]:
        for _ in range(len(self._waiting)):
            with contextlib.suppress(IndexError):
                number, entry = self._waiting.popleft()
                self._dropped += number - self._next
                self._next = number + 1
                if isinstance(entry, bytes):
                    yield entry
                elif entry.body is not None:
                    yield pack_entry(entry._replace(body=abridge(entry.body)))


def _clock() -> float:
    """Give when the monotonic clock began, in seconds since 1970."""
    return time.time() - time.monotonic()
