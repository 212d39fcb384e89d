"""The front's part of the journal: calls that have no worker to write them down."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence

from seer_runtime.wire.entries import Entry, Fault, Source, entry_of, fault_of, pack_chunk
from seer_runtime.wire.frames import Frame
from seer_runtime.wire.journal import PERIOD, JournalFile
from seer_runtime.wire.ledger import CallStage, Ledger
from seer_runtime.wire.pb.runtime_pb2 import Failure

_MOST = 4_000
"""Chunks that may wait to be written."""

_UNWRITTEN = 2.0
"""Seconds before a worker's end in which it may have begun calls that it did not write down."""


class FrontJournal:
    """Writes on the event loop, a little later."""

    def __init__(self, folder: str) -> None:
        """Write into `folder`; without one, write nothing."""
        self._file = JournalFile(folder) if folder else None
        self._waiting: list[bytes] = []
        self._dropped = 0

    def add_served(self, interface: str, epoch: int) -> None:
        """An interface is served."""
        self._add(interface, epoch)

    def add_unrun(self, interface: str, epoch: int, call: Frame, failure: Failure) -> None:
        """A call was answered without having run."""
        self._add(interface, epoch, entry_of(call, time.time(), 0.0, fault_of(failure)))

    def add_cut_off(self, interface: str, epoch: int, call: Frame, failure: Failure) -> None:
        """A call ended with its worker; when it began, `add_death` knows."""
        entry = entry_of(call, 0.0, None, fault_of(failure))
        self._add(interface, epoch, entry if call.name else entry._replace(body=None))

    def add_death(
        self,
        interface: str,
        epoch: int,
        ledger: Ledger,
        functions: Sequence[str],
        failure: Failure,
    ) -> None:
        """A worker ended: whatever its ledger says of the calls that it may not have written."""
        now, clock = time.monotonic(), time.time() - time.monotonic()
        cut_off = fault_of(failure)._replace(effect=Failure.INTERRUPTED)
        unknown = Fault(Failure.UNSPECIFIED, Failure.FINISHED, Failure.KEPT)
        for call in ledger.begun():
            is_cut_off = call.stage is CallStage.BEGUN
            if not is_cut_off and now - call.began > _UNWRITTEN:
                continue
            name = functions[call.function] if call.function < len(functions) else ""
            duration = now - call.began if is_cut_off else None
            fault = cut_off if is_cut_off else unknown
            began = clock + call.began
            entry = Entry(call.session, call.seq, name, began, duration, None, fault=fault)
            self._add(interface, epoch, entry)

    def flush(self) -> None:
        """Write what there is."""
        waiting, self._waiting = self._waiting, []
        if waiting and self._file is not None:
            with contextlib.suppress(OSError):
                self._file.append(b"".join(waiting))

    def _add(self, interface: str, epoch: int, *entries: Entry) -> None:
        if self._file is None:
            return
        if len(self._waiting) >= _MOST:
            self._dropped += len(entries)
            return
        if not self._waiting:
            asyncio.get_running_loop().call_later(PERIOD, self.flush)
        source = Source(interface, epoch, time.time(), self._dropped)
        self._waiting.append(pack_chunk(source, entries))
        self._dropped = 0
