"""Blocks: large memory that two processes of one host share instead of copying it.

The owner of a block writes it, says its number in a frame and leaves it alone until the peer,
which sees it as private copy-on-write memory, has released it. Fresh pages cost more than the
copy itself, so blocks are used again.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import itertools
import mmap
import os
import resource
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from seer_runtime.wire.frames import (
    Buffer,
    Elsewhere,
    Frame,
    Segment,
)

SMALLEST = 64 << 10
"""Bytes from which a segment is worth a block."""

MOST = 64
"""Segments of one frame that may be in blocks; others travel as other memory does."""

_KEPT = 1 << 30
"""Bytes of unused blocks that an owner keeps."""

# Not in Python's own modules: fcntl(2), madvise(2).
_ADD_SEALS = 1033
_SEALS = 0x1 | 0x2 | 0x4
_POPULATE_WRITE = 23


class Block:
    """Memory that this process owns; shared with others, unless it is private."""

    def __init__(self, number: int, size: int, is_private: bool = False) -> None:
        """Get it from the system.

        Raises:
            OSError: there is none to be had.
        """
        self.number = number
        self.size = size
        self.is_retired = False
        """Whether somebody may look at it after it is given back."""
        self.descriptor = -1
        if is_private:
            self.memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            return
        self.descriptor = os.memfd_create("seer-block", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(self.descriptor, size)
            fcntl.fcntl(self.descriptor, _ADD_SEALS, _SEALS)
            self.memory = mmap.mmap(self.descriptor, size)
            self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        except BaseException:
            os.close(self.descriptor)
            raise

    def fill(self, start: int, source: Buffer) -> None:
        """Copy `source` to the bytes from `start` on."""
        copy(memoryview(self.memory)[start : start + len(source)], source)

    def lend(self, size: int, release: Callable[[], object]) -> memoryview:
        """Give its first `size` bytes; `release` is called when nothing looks at them any more."""
        owner = (ctypes.c_char * size).from_buffer(self.memory)
        weakref.finalize(owner, release).atexit = False
        return memoryview(owner).cast("B")

    def close(self) -> None:
        """Give it back to the system; the peer's view of it stays."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
        # Where something of the user's still looks at it, it goes with that.
        with contextlib.suppress(BufferError):
            self.memory.close()


_NUMBERS = itertools.count(1)


class BlockPool:
    """Blocks that this process owns."""

    def __init__(self, is_private: bool = False) -> None:
        """Begin with none; private ones are of use to this process alone."""
        self._is_private = is_private
        self._most = _most_blocks()
        self._lock = threading.Lock()
        self._free: dict[int, list[Block]] = {}
        self._kept = 0
        self._leased: dict[int, Block] = {}
        self._returned: deque[int] = deque()

    def take(self, size: int, fill: bool = True) -> Block:
        """Give a block of at least `size` bytes, which is in use until it is given back.

        With `fill` all of it is written soon, and the system provides it at once.

        Raises:
            OSError: there is no more shared memory.
        """
        capacity = max(SMALLEST, 1 << (size - 1).bit_length())
        with self._lock:
            self._collect()
            free = self._free.get(capacity)
            if free:
                block = free.pop()
                self._kept -= capacity
            else:
                self._make_room()
                block = Block(next(_NUMBERS), capacity, self._is_private)
                if fill:
                    # A page at a time would cost a trap each; an old kernel does just that.
                    with contextlib.suppress(OSError):
                        advise(block.memory, _POPULATE_WRITE, size)
            self._leased[block.number] = block
        return block

    def find(self, number: int) -> Block:
        """Give a block that is in use."""
        return self._leased[number]

    def place(self, frame: Frame) -> Frame:
        """Move the large segments of a frame into blocks; where there is no room, they stay."""
        if not frame.segments:
            return frame
        segments: list[Segment] = list(frame.segments)
        for index, segment in enumerate(segments[:MOST]):
            if not isinstance(segment, Elsewhere):
                segments[index] = self.copy_in(segment) or segment
        return frame._replace(segments=segments)

    def copy_in(self, memory: Buffer) -> Elsewhere | None:
        """Copy memory into a block; None where it is not worth one, or there is none."""
        source = memoryview(memory).cast("B")
        if source.nbytes < SMALLEST:
            return None
        try:
            block = self.take(source.nbytes)
        except OSError:
            return None
        block.fill(0, source)
        return Elsewhere(source.nbytes, block.number)

    def give_back(self, numbers: Iterable[int]) -> None:
        """Take blocks back. May be called from anywhere, a finalizer included."""
        self._returned.extend(numbers)
        if self._lock.acquire(blocking=False):
            try:
                self._collect()
            finally:
                self._lock.release()

    def retire(self, numbers: Iterable[int]) -> None:
        """Use blocks no more once they are given back: somebody may look at them for longer."""
        with self._lock:
            for number in numbers:
                self._leased[number].is_retired = True

    def discard(self, numbers: Iterable[int]) -> None:
        """Let go of blocks at which a peer may look for longer: they are not used again."""
        with self._lock:
            for number in numbers:
                block = self._leased.pop(number, None)
                if block is not None:
                    block.close()

    def close(self) -> None:
        """Give everything back to the system."""
        with self._lock:
            self._collect()
            for block in (*self._leased.values(), *itertools.chain(*self._free.values())):
                block.close()
            self._leased.clear()
            self._free.clear()
            self._kept = 0

    def _make_room(self) -> None:
        """See to it that blocks do not use up the descriptors of the process."""
        free = sum(map(len, self._free.values()))
        if self._is_private or len(self._leased) + free < self._most:
            return
        if not free:
            raise OSError(errno.EMFILE, "too many blocks are in use")
        capacity = max(size for size, blocks in self._free.items() if blocks)
        self._free[capacity].pop().close()
        self._kept -= capacity

    def _collect(self) -> None:
        while self._returned:
            block = self._leased.pop(self._returned.popleft(), None)
            if block is None:
                continue
            if block.is_retired or self._kept + block.size > _KEPT:
                block.close()
            else:
                self._kept += block.size
                self._free.setdefault(block.size, []).append(block)


def _most_blocks() -> int:
    """Give how many blocks a process may have: each takes two descriptors of it."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1024 if soft < 0 else max(MOST, min(1024, soft // 8))


def copy(target: Buffer, source: Buffer) -> None:
    """Copy memory, by numpy's way where it is loaded: it lets other threads run meanwhile."""
    numpy: Any = sys.modules.get("numpy")
    # Another thread may be in the midst of importing it.
    if numpy is None or getattr(numpy.__spec__, "_initializing", False):
        memoryview(target)[:] = source
    else:
        numpy.copyto(numpy.frombuffer(target, numpy.uint8), numpy.frombuffer(source, numpy.uint8))


def advise(memory: mmap.mmap, advice: int, size: int) -> None:
    """Tell the system something of the pages of the first `size` bytes. Raises OSError."""
    page = mmap.PAGESIZE
    memory.madvise(advice, 0, -(-size // page) * page)
