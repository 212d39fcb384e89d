"""Blocks: large memory that two processes of one host share instead of copying it.

The owner of a block writes it, says its number in a frame and leaves it alone until the peer,
which sees it as private copy-on-write memory, has released it. Fresh pages cost more than the
copy itself, so blocks are used again.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import errno
import fcntl
import itertools
import mmap
import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable

from seer_runtime.wire.frames import NEW, Buffer, Elsewhere, Frame, FrameError, Segment

SMALLEST = 64 << 10
"""Bytes from which a segment is worth a block."""

MOST = 64
"""Segments of one frame that may be in blocks; others travel as other memory does."""

_MOST_BLOCKS = 256
"""Blocks of one owner: each costs it a descriptor."""

_KEPT = 1 << 30
"""Bytes of unused blocks that an owner keeps."""

# Not in Python's own modules: fcntl(2), madvise(2).
_ADD_SEALS, _GET_SEALS = 1033, 1034
_SEALS = 0x1 | 0x2 | 0x4
_SHRINK_SEAL = 0x2
_POPULATE_WRITE = 23


class Block:
    """Shared memory that this process owns."""

    def __init__(self, number: int, size: int) -> None:
        """Get it from the system.

        Raises:
            OSError: there is none to be had.
        """
        self.number = number
        self.size = size
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
        with contextlib.suppress(OSError):
            os.close(self.descriptor)
        # Where something of the user's still looks at it, it goes with that.
        with contextlib.suppress(BufferError):
            self.memory.close()


_NUMBERS = itertools.count(1)


class BlockPool:
    """Blocks that this process owns."""

    def __init__(self) -> None:
        """Begin with none."""
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
                block = Block(next(_NUMBERS), capacity)
                if fill:
                    # A page at a time would cost a trap each; an old kernel does just that.
                    with contextlib.suppress(OSError):
                        _advise(block.memory, _POPULATE_WRITE, size)
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

    def discard(self, numbers: Iterable[int]) -> None:
        """Let go of blocks of which the peer may know or not: they are not used again."""
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
        """See to it that one more block is allowed."""
        unused = [block for blocks in self._free.values() for block in blocks]
        if len(self._leased) + len(unused) < _MOST_BLOCKS:
            return
        if not unused:
            raise OSError(errno.EMFILE, "too many blocks are in use")
        smallest = min(unused, key=lambda block: block.size)
        self._free[smallest.size].remove(smallest)
        self._kept -= smallest.size
        smallest.close()

    def _collect(self) -> None:
        while self._returned:
            block = self._leased.pop(self._returned.popleft(), None)
            if block is None:
                continue
            if self._kept + block.size > _KEPT:
                block.close()
            else:
                self._kept += block.size
                self._free.setdefault(block.size, []).append(block)


class BlockViews:
    """The blocks of a peer, as this process sees them."""

    def __init__(self, release: Callable[[int], None]) -> None:
        """Call `release` with the number of a block that nothing here looks at any more."""
        self._release = release
        self._memory: dict[int, mmap.mmap] = {}
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
        owner = (ctypes.c_char * size).from_buffer(memory)
        weakref.finalize(owner, self._forget, number, memory, size).atexit = False
        return memoryview(owner).cast("B")

    def close(self) -> None:
        """Unmap what nothing looks at; the rest goes with whoever looks at it."""
        while self._memory:
            with contextlib.suppress(BufferError):
                self._memory.popitem()[1].close()

    def _forget(self, number: int, memory: mmap.mmap, size: int) -> None:
        if os.getpid() != self._process:
            return
        # What was written here would hide what the owner writes next.
        with contextlib.suppress(OSError, ValueError):
            _advise(memory, mmap.MADV_DONTNEED, size)
        self._release(number)


class SharedMemory:
    """What one link shares: blocks of ours that the peer was told of, and views of its own."""

    def __init__(self, pool: BlockPool, release: Callable[[int], None]) -> None:
        """Lend from `pool`; tell the peer with `release` which of its blocks are free again."""
        self._pool = pool
        self._views = BlockViews(release)
        self._known: set[int] = set()
        self._lent: set[int] = set()

    def announce(self, frame: Frame) -> tuple[Frame, list[int]]:
        """Lend the blocks that a frame speaks of; gives the descriptors that go along with it."""
        if not frame.segments:
            return frame, []
        descriptors: list[int] = []
        segments: list[Segment] = []
        for segment in frame.segments:
            if isinstance(segment, Elsewhere):
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
        numbers = memoryview(body).cast("B")[: len(body) // 8 * 8].cast("Q")
        mine = self._lent.intersection(numbers)
        self._lent -= mine
        self._pool.give_back(mine)

    def is_lent(self, frame: Frame) -> bool:
        """Tell whether the peer has released none of the blocks of a frame."""
        return self._lent.issuperset(blocks_of(frame))

    def close(self) -> None:
        """Take back what the peer, who is gone, was lent, and forget its blocks."""
        self._pool.give_back(self._lent)
        self._lent = set()
        self._views.close()


def blocks_of(frame: Frame) -> list[int]:
    """Give the numbers of the blocks that a frame speaks of."""
    return [each.place & ~NEW for each in frame.segments if isinstance(each, Elsewhere)]


def release_body(numbers: Iterable[int]) -> bytes:
    """Give the body of the RELEASE frame that names these blocks."""
    return array.array("Q", numbers).tobytes()


def copy(target: Buffer, source: Buffer) -> None:
    """Copy memory, by numpy's way where it is loaded: it lets other threads run meanwhile."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        memoryview(target)[:] = source
    else:
        numpy.copyto(numpy.frombuffer(target, numpy.uint8), numpy.frombuffer(source, numpy.uint8))


def _advise(memory: mmap.mmap, advice: int, size: int) -> None:
    page = mmap.PAGESIZE
    memory.madvise(advice, 0, -(-size // page) * page)
