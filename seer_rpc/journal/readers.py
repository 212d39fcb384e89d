"""Reading journals, while their sandboxes write them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from seer_rpc.journal.records import CallRecord, Filter, Known
from seer_runtime.wire.entries import Source, read_chunks
from seer_runtime.wire.files import open_plain
from seer_runtime.wire.journal import CURRENT, LIMIT, PREVIOUS, is_held

_MOST = 2 * LIMIT


class JournalReader:
    """Reads one sandbox's journal; again and again gives what is new."""

    def __init__(self, folder: Path) -> None:
        """Begin with the oldest that there is in the folder where a sandbox writes it."""
        self.folder = folder
        self.calls: dict[tuple[bytes, int], Known] = {}
        """All calls that were read of."""

        self.interfaces: dict[str, None] = {}
        """Those that are or were served, the first one first."""

        self.dropped = 0
        """Calls that the journal could not keep pace with."""

        self._file = 0
        self._place = 0

    def read(self) -> list[tuple[bytes, int]]:
        """Read what is new; gives the calls of which that tells."""
        told: dict[tuple[bytes, int], None] = {}
        for source, key, known in self._news():
            self.interfaces[source.interface] = None
            if known is not None:
                earlier = self.calls.get(key)
                self.calls[key] = known if earlier is None else earlier.and_then(known)
                told[key] = None
        return list(told)

    @property
    def is_running(self) -> bool:
        """Whether the sandbox is there still."""
        return is_held(str(self.folder))

    def _news(self) -> Iterator[tuple[Source, tuple[bytes, int], Known | None]]:
        for data in self._unread():
            end = 0
            for end, source, entries in read_chunks(data):  # noqa: B007 - the last one counts
                self.dropped += source.dropped
                yield source, (b"", 0), None
                for entry in entries:
                    yield source, (entry.session, entry.seq), Known(source, entry)
            self._place += end

    def _unread(self) -> Iterator[bytes]:
        """Give what follows `_place` in the file that was read last, then newer files."""
        with contextlib.ExitStack() as opened:
            # The newer one first: it may become the older one before that is opened.
            files: dict[int, BinaryIO] = {}
            for name in (CURRENT, PREVIOUS):
                with contextlib.suppress(OSError):
                    file = opened.enter_context(open_plain(self.folder / name))
                    files.setdefault(os.fstat(file.fileno()).st_ino, file)
            numbers = list(reversed(files))
            if self._file in numbers:
                numbers = numbers[numbers.index(self._file) :]
            for number in numbers:
                if number != self._file:
                    self._file, self._place = number, 0
                files[number].seek(self._place)
                # Whoever writes it may have made it as long as they liked.
                yield files[number].read(_MOST)


def read_calls(
    folder: Path, sandbox: str, wanted: Filter, last: int | None = None
) -> list[CallRecord]:
    """Give the records of a sandbox's calls, the newest last; the last ones alone if asked."""
    reader = JournalReader(folder)
    reader.read()
    calls = wanted.choose(reader.calls.values())
    if last is not None:
        calls = calls[-last:] if last > 0 else []
    return [call.record(sandbox, reader.is_running) for call in calls]
