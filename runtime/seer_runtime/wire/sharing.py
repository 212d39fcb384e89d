"""Shared memory: the blocks that a process lends to a peer, and its views of the peer's own."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable

from seer_runtime.wire.blocks import BlockPool, advise
from seer_runtime.wire.frames import (
    NEW,
    Buffer,
    Elsewhere,
    Frame,
    FrameError,
    Segment,
    unpack_numbers,
)

_IDLE = 64
_IDLE_BYTES = 64 << 20
"""A peer's blocks that stay mapped though nothing looks at them; to map one costs little."""


# Not in Python's own modules: fcntl(2).
_GET_SEALS = 1034
_SHRINK_SEAL = 0x2


_forks = 0


def _count_fork() -> None:
    global _forks
    _forks += 1


os.register_at_fork(before=_count_fork)


class BlockViews:
    """The blocks of a peer, as this process sees them."""

    def __init__(self, release: Callable[[int], None]) -> None:
        """Call `release` with the number of a block that nothing here looks at any more.

        `NEW` is set where the block was unmapped, and is to be shown again before its next use.
        """
        self._release = release
        self._memory: dict[int, mmap.mmap] = {}
        self._idle: dict[int, int] = {}
        """Sizes of those that nothing looks at."""
        self._process = os.getpid()

    def learn(self, number: int, descriptor: int) -> None:
        """Map a new block; takes over the descriptor.

        Raises:
            FrameError: it is not of a kind that the peer can no longer shrink.
        """
        try:
            seals = fcntl.fcntl(descriptor, _GET_SEALS)
            if not seals & _SHRINK_SEAL:
                raise FrameError("a block that could shrink while it is in use")
            size = os.fstat(descriptor).st_size
            self._memory[number] = mmap.mmap(descriptor, size, access=mmap.ACCESS_COPY)
        except (OSError, ValueError) as error:
            raise FrameError(f"a block that cannot be mapped: {error}") from error
        finally:
            os.close(descriptor)

    def view(self, number: int, size: int) -> memoryview:
        """Give the first `size` bytes of a block as writable memory of this process alone.

        Raises:
            FrameError: there is no such block, or it is smaller.
        """
        memory = self._memory.get(number)
        if memory is None or size > len(memory):
            raise FrameError(f"no block {number} of {size} bytes")
        try:
            owner = (ctypes.c_char * size).from_buffer(memory)
        except ValueError as error:
            raise FrameError(f"block {number} was unmapped") from error
        self._idle.pop(number, None)
        weakref.finalize(owner, self._forget, number, memory, size, _forks).atexit = False
        return memoryview(owner).cast("B")

    def close(self) -> None:
        """Unmap what nothing looks at; the rest goes with whoever looks at it."""
        while self._memory:
            with contextlib.suppress(BufferError):
                self._memory.popitem()[1].close()

    def _forget(self, number: int, memory: mmap.mmap, size: int, forks: int) -> None:
        if os.getpid() != self._process or forks != _forks:
            # A child that was forked meanwhile may look at it for as long as it likes.
            return
        if self._memory.get(number) is not memory:
            self._release(number)
            return
        if len(self._idle) >= _IDLE or sum(self._idle.values()) + len(memory) > _IDLE_BYTES:
            # Its pages would stay for as long as they are mapped, whatever the owner does.
            del self._memory[number]
            self._release(number | NEW)
            return
        # What was written here would hide what the owner writes next.
        with contextlib.suppress(OSError, ValueError):
            advise(memory, mmap.MADV_DONTNEED, size)
        self._idle[number] = len(memory)
        self._release(number)


class SharedMemory:
    """What one link shares: blocks of ours that the peer was told of, and views of its own."""

    def __init__(self, pool: BlockPool, release: Callable[[int], None]) -> None:
        """Lend from `pool`; tell the peer with `release` which of its blocks are free again."""
        self._pool = pool
        self._views = BlockViews(release)
        self._lock = threading.Lock()
        self._known: set[int] = set()
        self._lent: set[int] = set()
        self._is_over = False

    def announce(self, frame: Frame) -> tuple[Frame, list[int]]:
        """Lend the blocks that a frame speaks of; gives the descriptors that go along with it.

        Raises:
            OSError: nothing more is shared with the peer.
        """
        if not frame.segments:
            return frame, []
        descriptors: list[int] = []
        segments: list[Segment] = []
        with self._lock:
            for segment in frame.segments:
                if isinstance(segment, Elsewhere):
                    if self._is_over:
                        raise BrokenPipeError(errno.EPIPE, "the peer's session is over")
                    self._lent.add(segment.place)
                    if segment.place not in self._known:
                        self._known.add(segment.place)
                        descriptors.append(self._pool.find(segment.place).descriptor)
                        segments.append(Elsewhere(segment.size, segment.place | NEW))
                        continue
                segments.append(segment)
        return frame._replace(segments=segments), descriptors

    def resolve(self, frame: Frame, descriptors: deque[int]) -> Frame:
        """Give the frame with memory of this process for each segment in a block.

        Raises:
            FrameError: the peer speaks of blocks that it has not shown.
        """
        if not frame.segments:
            return frame
        segments: list[Segment] = []
        for segment in frame.segments:
            if isinstance(segment, Elsewhere):
                number = segment.place & ~NEW
                if segment.place & NEW:
                    if not descriptors:
                        raise FrameError("a new block without its descriptor")
                    self._views.learn(number, descriptors.popleft())
                segments.append(self._views.view(number, segment.size))
            else:
                segments.append(segment)
        return frame._replace(segments=segments)

    def released(self, body: Buffer) -> None:
        """Take back the blocks that the body of a RELEASE frame names; others are not heeded."""
        numbers = unpack_numbers(body)
        with self._lock:
            mine = self._lent.intersection(number & ~NEW for number in numbers)
            self._lent -= mine
            self._known.difference_update(n & ~NEW for n in numbers if n & NEW)
        self._pool.give_back(mine)

    def take_back(self, frame: Frame) -> bool:
        """Take back the blocks of a frame, which the peer may have got or not.

        The frame can be lent to another one then. False where the peer has released some of them,
        and so had the frame, or is gone.
        """
        with self._lock:
            blocks = blocks_of(frame)
            if self._is_over or not self._lent.issuperset(blocks):
                return False
            self._lent.difference_update(blocks)
            self._pool.retire(blocks)
        return True

    def close(self, is_gone: bool = True) -> None:
        """Forget the peer's blocks, and take back what it was lent.

        A peer that is not gone may look at that for longer: it is not used again.
        """
        with self._lock:
            self._is_over = True
            lent, self._lent = self._lent, set()
        if is_gone:
            self._pool.give_back(lent)
        else:
            self._pool.discard(lent)
        self._views.close()


def blocks_of(frame: Frame) -> list[int]:
    """Give the numbers of the blocks that a frame speaks of."""
    return [each.place & ~NEW for each in frame.segments if isinstance(each, Elsewhere)]


def inline_size(frame: Frame) -> int:
    """Give the bytes of what the frame itself takes along."""
    here = (each for each in frame.segments if not isinstance(each, Elsewhere))
    return len(frame.body) + sum(memoryview(each).nbytes for each in here)
