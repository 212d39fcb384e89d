"""The ledger: which calls a worker began and which of them it finished, legible after its death.

A file of fixed records that the worker maps and writes, and others read: session 16s | seq u64
| state u32 | function u32 | began f64 | acked u64 | taken u64. The function is its number in the
schema; when the call began is the time of the system's monotonic clock. The last two say which
answers the session's client had by then: all up to one number, and another one. A finished record
is used again, the oldest first.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections import deque
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple, Self

from seer_runtime.wire.files import open_plain

_RECORD = struct.Struct("<16sQIIdQQ")
_STATE = struct.Struct("<I")
_STATE_OFFSET = 24
SLOTS = 2048
"""More than the calls that a worker is given at once: 1000 guests' and 64 of the front's."""

SIZE = SLOTS * _RECORD.size


class CallStage(IntEnum):
    """How far a call came."""

    NOT_BEGUN = 0
    BEGUN = 1
    FINISHED = 2


class Begun(NamedTuple):
    """A call that has begun."""

    session: bytes
    seq: int
    stage: CallStage
    function: int
    began: float
    acked: int
    """The session's client had every answer up to this number."""

    taken: int
    """It had this one, too."""


class LedgerWriter:
    """The worker's end."""

    def __init__(self, descriptor: int) -> None:
        """Map the file."""
        self._memory = mmap.mmap(descriptor, SIZE)
        self._free = deque(range(0, SIZE, _RECORD.size))

    def begin(
        self, session: bytes, seq: int, function: int, began: float, acked: int = 0, taken: int = 0
    ) -> int:
        """Write down that a call begins; gives what `finish` wants to know."""
        place = self._free.popleft()
        _RECORD.pack_into(
            self._memory, place, session, seq, CallStage.BEGUN, function, began, acked, taken
        )
        return place

    def finish(self, place: int) -> None:
        """Write down that the call has ended."""
        _STATE.pack_into(self._memory, place + _STATE_OFFSET, CallStage.FINISHED)
        self._free.append(place)


class Ledger:
    """The reader's end. What it says is the worker's word."""

    def __init__(self, memory: mmap.mmap | bytes) -> None:
        """Use `create` or `read`."""
        self._memory = memory

    @classmethod
    def create(cls, path: str) -> tuple[Self, int]:
        """Make an empty one; gives it, and the descriptor for the writer."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.ftruncate(descriptor, SIZE)
        return cls(mmap.mmap(descriptor, SIZE)), descriptor

    @classmethod
    def read(cls, path: str) -> Self:
        """Give what one says at this moment: whoever writes it may also cut it short.

        Raises:
            OSError: it cannot be read.
        """
        with open_plain(path) as file:
            content = file.read(SIZE)
        if len(content) < SIZE:
            raise OSError(f"{path} was cut short")
        return cls(content)

    def stage(self, session: bytes, seq: int) -> CallStage:
        """Tell how far a call came, if it is among the last ones."""
        needle = session + seq.to_bytes(8, "little")
        place = self._memory.find(needle)
        while place >= 0:
            if place % _RECORD.size == 0:
                state = _STATE.unpack_from(self._memory, place + _STATE_OFFSET)[0]
                return CallStage(state) if state in (1, 2) else CallStage.NOT_BEGUN
            place = self._memory.find(needle, place + 1)
        return CallStage.NOT_BEGUN

    def is_used(self) -> bool:
        """Tell whether any call has begun."""
        return any(self._memory[: _RECORD.size])

    def begun(self) -> Iterator[Begun]:
        """Give the calls that have begun, those that have ended since among them."""
        for session, seq, state, *rest in _RECORD.iter_unpack(self._memory[:SIZE]):
            if state in (CallStage.BEGUN, CallStage.FINISHED):
                yield Begun(session, seq, CallStage(state), *rest)

    def all_running(self) -> Iterator[tuple[bytes, int]]:
        """Give the calls that have begun and not ended."""
        return (call[:2] for call in self.begun() if call.stage is CallStage.BEGUN)

    def of(self, session: bytes) -> list[Begun]:
        """Give a session's calls, as far as they are among the last ones."""
        # Most that ask are new.
        if session not in self._memory[:SIZE]:
            return []
        return [call for call in self.begun() if call.session == session]

    def running(self, session: bytes) -> Iterator[int]:
        """Give the numbers of a session's calls that have begun and not ended."""
        return (seq for found, seq in self.all_running() if found == session)
