"""The worker's part of the journal: what its calls were and how they ended."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from seer_runtime.wire.abridgement import abridge, abridge_unread
from seer_runtime.wire.entries import (
    Entry,
    Fault,
    Source,
    entry_of,
    fault_of,
    pack_chunk,
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

_AT_ONCE = 32
"""Entries of one chunk: other threads can go on between two."""

_LARGE = 16 << 10
"""Bytes of arguments from which it counts how much memory waits."""

_MOST_BYTES = 16 << 20

_UNBEGUN = "the call was cancelled before it began"


# A number, session, seq, function, arguments, sizes of the segments, when it began and ended, its
# failure, and whether it was cancelled at its deadline. No class of its own, and nothing in it that
# refers to anything: the garbage collector passes over such tuples, of which there may be many.
_Ended: TypeAlias = tuple[
    int, bytes, int, str, Buffer, Sequence[int], float, float, Buffer | None, bool
]


class CallJournal:
    """Takes what there is to say of calls; a thread of its own writes it down."""

    def __init__(self, folder: str) -> None:
        """Write into `folder` once it is started; without one, write nothing."""
        self._file = JournalFile(folder) if folder else None
        self._ended: deque[_Ended] = deque(maxlen=_MOST)
        self._numbers = itertools.count()
        self._next = self._dropped = 0
        self._bytes = 0
        self._source = Source("", 0, 0.0)
        self._running: Callable[[], Iterable[Running]] = tuple
        self._writing = threading.Lock()
        self._process = os.getpid()

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
        """Take a call that is over. Every call passes here: nothing is looked at yet."""
        if self._file is None:
            return
        _, session, seq, _, _, _, name, body, segments = running.call.frame
        # Copied: what it lies in is used again sooner, and is in the processor's cache then.
        kept = bytes(body) if len(body) <= _LARGE else self._large(body)
        sizes = sizes_of(segments) if segments else ()
        failure = answer.body if answer.kind is Kind.ERROR else None
        began, ended, is_overdue = running.began, time.monotonic(), running.is_overdue
        number = next(self._numbers)
        self._ended.append(
            (number, session, seq, name, kept, sizes, began, ended, failure, is_overdue)
        )

    def add_unbegun(self, call: Frame, reason: Failure.Kind.ValueType) -> None:
        """Take a call that was cancelled before it began."""
        if self._file is None:
            return
        failure = Failure(kind=reason, effect=Failure.NOT_STARTED, message=_UNBEGUN)
        body, sizes = abridge(call.body), sizes_of(call.segments)
        number, now, told = next(self._numbers), time.monotonic(), failure.SerializeToString()
        self._ended.append(
            (number, call.session, call.seq, call.name, body, sizes, now, now, told, False)
        )

    def flush(self) -> None:
        """Write down what there is."""
        if self._file is None or os.getpid() != self._process:
            return
        with self._writing:
            # A call that ends meanwhile comes after what is said of it as one that runs.
            entries = itertools.chain(self._still_running(), self._over())
            while some := list(itertools.islice(entries, _AT_ONCE)):
                self._write(some)
            self._bytes = 0

    def _run(self) -> None:
        while True:
            waiting = len(self._ended)
            self.flush()
            time.sleep(PERIOD * min(1.0, _HURRY / max(waiting, 1)))

    def _write(self, entries: list[Entry]) -> None:
        assert self._file is not None
        # While threads add calls at once, one may seem lost for a moment.
        dropped = max(0, self._dropped)
        source = self._source._replace(time=time.time(), dropped=dropped)
        try:
            self._file.append(pack_chunk(source, entries))
            self._dropped -= dropped
        except OSError:
            self._dropped += len(entries)

    def _large(self, body: Buffer) -> Buffer:
        """Give arguments that are not copied, or, where much waits already, their size alone."""
        self._bytes += len(body)
        return body if self._bytes <= _MOST_BYTES else abridge_unread(len(body))

    def _still_running(self) -> Iterator[Entry]:
        """Give the calls that take long: whoever asks sees them, even if the worker dies."""
        now, clock = time.monotonic(), _clock()
        for running in self._running():
            if not running.is_noted and now - running.began > PERIOD:
                running.is_noted = True
                call = running.call.frame
                yield entry_of(call, clock + running.began, None)._replace(is_over=False)

    def _over(self) -> Iterator[Entry]:
        clock = _clock()
        for _ in range(len(self._ended)):
            with contextlib.suppress(IndexError):
                ended = self._ended.popleft()
                number = ended[0]
                self._dropped += number - self._next
                self._next = number + 1
                yield _entry(ended, clock)


def _entry(call: _Ended, clock: float) -> Entry:
    _, session, seq, function, body, sizes, began, ended, failure, is_overdue = call
    fault = None if failure is None else _fault(failure, is_overdue)
    whole, duration = abridge(body), ended - began
    return Entry(session, seq, function, clock + began, duration, whole, sizes, True, fault)


def _clock() -> float:
    """Give when the monotonic clock began, in seconds since 1970."""
    return time.time() - time.monotonic()


def _fault(body: Buffer, is_overdue: bool) -> Fault:
    failure = Failure.FromString(bytes(body))
    if is_overdue and failure.kind == Failure.CANCELLED:
        failure.kind = Failure.DEADLINE
    return fault_of(failure)
