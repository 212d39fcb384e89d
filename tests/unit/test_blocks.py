"""Shared memory: who may write it, for how long it stays as it is, and that none is left over."""

from __future__ import annotations

import errno
import fcntl
import gc
import mmap
import os
import sys
from collections import deque
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest

from seer_runtime.wire import blocks, sharing
from seer_runtime.wire.blocks import MOST, SMALLEST, BlockPool
from seer_runtime.wire.channels import Peer
from seer_runtime.wire.frames import NEW, Elsewhere, Frame, FrameError, Kind, pack_numbers
from seer_runtime.wire.sharing import BlockViews, SharedMemory, blocks_of
from tests.descriptors import Descriptors

ADD_SEALS = 1033
PAGE = mmap.PAGESIZE


def a_memfd(size: int, seals: int) -> int:
    descriptor = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    fcntl.fcntl(descriptor, ADD_SEALS, seals)
    return descriptor


class Pair:
    """An owner and its peer, in one process."""

    def __init__(self) -> None:
        self.pool = BlockPool()
        self.released: list[int] = []
        self.near = SharedMemory(self.pool, lambda _: None)
        self.far = SharedMemory(BlockPool(), self.released.append)

    def send(self, content: bytes) -> tuple[Frame, Frame]:
        """Give the frame as it was placed, and as it arrived."""
        placed = self.pool.place(Frame(Kind.RESULT, segments=[content]))
        announced, shown = self.near.announce(placed)
        return placed, self.far.resolve(announced, deque(map(os.dup, shown)))

    def release(self) -> None:
        gc.collect()
        self.near.released(pack_numbers(self.released))
        self.released.clear()


def test_what_is_small_stays_in_the_frame() -> None:
    pool = BlockPool()
    frame = Frame(Kind.RESULT, segments=[b"x" * (SMALLEST - 1), b"x" * SMALLEST])

    placed = pool.place(frame)

    assert [isinstance(each, Elsewhere) for each in placed.segments] == [False, True]


def test_no_frame_has_more_blocks_than_descriptors_go_along_with_one_message() -> None:
    pool = BlockPool()

    placed = pool.place(Frame(Kind.RESULT, segments=[bytes(SMALLEST)] * (MOST + 5)))

    assert len(blocks_of(placed)) == MOST
    pool.give_back(blocks_of(placed))
    pool.close()


@pytest.mark.parametrize("size", [1, SMALLEST, SMALLEST + 1, 3 << 20, (1 << 22) - 1, 1 << 22])
def test_a_block_is_used_again_for_anything_of_its_capacity(size: int) -> None:
    pool = BlockPool()
    first = pool.take(size)
    assert first.size >= size
    assert first.size == SMALLEST or first.size < 2 * size
    pool.give_back([first.number])

    assert pool.take(first.size // 2 + 1) is first
    assert pool.take(size) is not first
    pool.close()


def test_a_block_in_use_is_not_used_for_anything_else() -> None:
    pool = BlockPool()
    taken = [pool.take(SMALLEST) for _ in range(5)]

    assert len({block.number for block in taken}) == 5
    pool.close()


def test_what_is_kept_unused_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_KEPT", 2 * SMALLEST)
    pool = BlockPool()
    opened = Descriptors()
    taken = [pool.take(SMALLEST, fill=False) for _ in range(5)]

    pool.give_back([block.number for block in taken])

    assert len(opened.new("/memfd:")) == 2 * 2
    pool.close()
    assert opened.new("/memfd:") == []


def test_a_block_that_is_given_back_twice_is_free_once() -> None:
    pool = BlockPool()
    block = pool.take(SMALLEST)
    pool.give_back([block.number, block.number, 10**9])

    assert pool.take(SMALLEST) is block
    assert pool.take(SMALLEST) is not block
    pool.close()


def test_blocks_do_not_use_up_the_descriptors_of_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blocks, "_most_blocks", lambda: 3)
    pool = BlockPool()
    taken = [pool.take(SMALLEST) for _ in range(3)]

    with pytest.raises(OSError, match="too many") as caught:
        pool.take(SMALLEST)
    assert caught.value.errno == errno.EMFILE
    # What finds no room crosses as other memory does.
    assert not blocks_of(pool.place(Frame(Kind.RESULT, segments=[bytes(SMALLEST)])))

    # A free block of another size makes room.
    pool.give_back([taken[0].number])
    assert pool.take(8 * SMALLEST).size == 8 * SMALLEST
    pool.close()


def test_a_lent_block_comes_back_when_the_last_view_dies() -> None:
    pool = BlockPool(is_private=True)
    block = pool.take(SMALLEST, fill=False)
    view = block.lend(100, lambda: pool.give_back([block.number]))
    part = view[10:20]
    del view
    gc.collect()
    assert pool.take(SMALLEST) is not block

    part[0] = 1
    del part
    gc.collect()
    assert pool.take(SMALLEST) is block
    pool.close()


def test_a_finalizer_may_give_back_while_the_same_thread_takes() -> None:
    pool = BlockPool()
    block = pool.take(SMALLEST)

    with pool._lock:
        # As the garbage collector would, in the middle of `take`.
        pool.give_back([block.number])

    assert pool.take(SMALLEST) is block
    pool.close()


def test_closing_a_pool_leaves_alone_what_is_looked_at() -> None:
    pool = BlockPool(is_private=True)
    block = pool.take(SMALLEST)
    view = block.lend(4, lambda: None)
    view[:] = b"kept"

    pool.close()

    assert bytes(view) == b"kept"


def test_what_is_sent_arrives_without_being_sent() -> None:
    pair = Pair()
    content = os.urandom(3 * PAGE + SMALLEST)

    placed, arrived = pair.send(content)

    assert isinstance(placed.segments[0], Elsewhere)
    assert bytes(arrived.segments[0]) == content


def test_a_block_is_shown_once_and_used_again_after_its_release() -> None:
    pair = Pair()
    placed, arrived = pair.send(b"a" * SMALLEST)
    number = blocks_of(placed)[0]
    del arrived
    pair.release()

    again = pair.pool.place(Frame(Kind.RESULT, segments=[b"b" * SMALLEST]))
    announced, shown = pair.near.announce(again)

    assert blocks_of(again) == [number]
    assert shown == []
    assert not announced.segments[0][1] & NEW
    seen = pair.far.resolve(announced, deque())
    assert bytes(seen.segments[0][:1]) == b"b"


def test_a_view_is_the_readers_own_and_its_writes_vanish_with_it() -> None:
    pair = Pair()
    placed, arrived = pair.send(b"a" * SMALLEST)
    view = arrived.segments[0]
    assert isinstance(view, memoryview)
    view[:3] = b"xyz"
    block = pair.pool.find(blocks_of(placed)[0])
    assert block.memory[:3] == b"aaa"

    del view, arrived
    pair.release()
    _, again = pair.send(b"b" * SMALLEST)

    assert bytes(again.segments[0]) == b"b" * SMALLEST


def test_a_block_is_not_used_again_before_it_is_released() -> None:
    pair = Pair()
    _, first = pair.send(b"a" * SMALLEST)
    for _ in range(10):
        pair.send(b"b" * SMALLEST)
        pair.release()

    assert bytes(first.segments[0]) == b"a" * SMALLEST


def test_a_peer_releases_no_blocks_but_those_that_it_was_lent() -> None:
    pair = Pair()
    mine = pair.pool.take(SMALLEST)

    pair.near.released(pack_numbers([mine.number, 0, 2**64 - 1]))
    pair.near.released(b"odd")
    pair.near.released(b"")

    assert pair.pool.take(SMALLEST) is not mine
    pair.pool.close()


def test_what_a_session_had_is_not_used_again_while_its_client_may_look_at_it() -> None:
    pair = Pair()
    _, arrived = pair.send(b"a" * SMALLEST)

    pair.near.close(is_gone=False)
    other = Pair()
    other.pool = pair.pool
    other.near = SharedMemory(pair.pool, lambda _: None)
    other.send(b"b" * SMALLEST)

    assert bytes(arrived.segments[0]) == b"a" * SMALLEST


def test_what_a_dead_peer_had_is_used_again() -> None:
    pair = Pair()
    placed, _ = pair.send(b"a" * SMALLEST)

    pair.near.close()

    assert [pair.pool.take(SMALLEST).number] == blocks_of(placed)


def test_a_frame_that_is_taken_back_can_be_lent_to_another_and_is_used_by_nobody_after() -> None:
    pair = Pair()
    placed, arrived = pair.send(b"a" * SMALLEST)

    assert pair.near.take_back(placed)
    assert not pair.near.take_back(placed)
    home = SharedMemory(pair.pool, lambda _: None)
    _, shown = home.announce(placed)
    assert len(shown) == 1
    # The first peer's release counts for nothing now.
    pair.near.released(pack_numbers(blocks_of(placed)))
    home.released(pack_numbers(blocks_of(placed)))
    pair.send(b"b" * SMALLEST)

    assert bytes(arrived.segments[0]) == b"a" * SMALLEST


def test_nothing_is_lent_to_a_session_that_is_over() -> None:
    pair = Pair()
    pair.near.close(is_gone=False)

    with pytest.raises(OSError, match="over"):
        pair.send(b"a" * SMALLEST)
    pair.near.announce(Frame(Kind.RESULT, segments=[b"small"]))


@pytest.mark.parametrize("seals", [0, 0x1, 0x4])
def test_a_block_that_could_shrink_is_refused(seals: int) -> None:
    opened = Descriptors()
    views = BlockViews(lambda _: None)

    with pytest.raises(FrameError, match="shrink"):
        views.learn(1, a_memfd(SMALLEST, seals))

    assert opened.new("/memfd:") == []


def test_what_is_no_block_is_refused_and_closed() -> None:
    views = BlockViews(lambda _: None)
    opened = Descriptors()
    reading, writing = os.pipe()

    for descriptor in (os.open("/dev/null", os.O_RDONLY), reading, a_memfd(0, 0x2)):
        with pytest.raises(FrameError):
            views.learn(1, descriptor)

    os.close(writing)
    for kind in ("/dev/null", "pipe:", "/memfd:"):
        assert opened.new(kind) == []


def test_a_block_that_is_not_there_or_smaller_is_refused() -> None:
    views = BlockViews(lambda _: None)
    views.learn(1, a_memfd(SMALLEST, 0x2))

    with pytest.raises(FrameError):
        views.view(2, 1)
    with pytest.raises(FrameError):
        views.view(1, SMALLEST + 1)
    assert len(views.view(1, SMALLEST)) == SMALLEST


def test_a_new_block_without_its_descriptor_is_refused() -> None:
    pair = Pair()

    with pytest.raises(FrameError, match="descriptor"):
        pair.far.resolve(Frame(Kind.RESULT, segments=[Elsewhere(1, 7 | NEW)]), deque())


def test_closing_views_leaves_alone_what_is_looked_at() -> None:
    pair = Pair()
    opened = Descriptors()
    _, arrived = pair.send(b"a" * SMALLEST)
    view = arrived.segments[0]
    assert isinstance(view, memoryview)

    pair.far.close()
    pair.near.close()
    pair.pool.close()

    view[:1] = b"z"
    assert bytes(view[:2]) == b"za"
    del view, arrived
    assert opened.new("/memfd:") == []


def test_what_a_forked_child_may_look_at_is_released_by_nobody() -> None:
    pair = Pair()
    _, arrived = pair.send(b"a" * SMALLEST)

    child = os.fork()
    if child == 0:
        view = arrived.segments[0]
        assert isinstance(view, memoryview)
        view[:1] = b"c"
        del view, arrived
        gc.collect()
        os._exit(len(pair.released))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    assert bytes(arrived.segments[0]) == b"a" * SMALLEST
    del arrived
    gc.collect()
    assert pair.released == []
    _, later = pair.send(b"b" * SMALLEST)
    del later
    gc.collect()
    assert len(pair.released) == 1


def test_private_blocks_take_no_descriptors_and_no_child_writes_to_them() -> None:
    opened = Descriptors()
    pool = BlockPool(is_private=True)
    block = pool.take(SMALLEST)
    block.fill(0, b"mine")
    assert opened.new("/memfd:") == []

    child = os.fork()
    if child == 0:
        block.fill(0, b"your")
        os._exit(0)
    os.waitpid(child, 0)

    assert block.memory[:4] == b"mine"
    pool.close()


def test_a_reader_keeps_little_mapped_that_it_does_not_look_at() -> None:
    pair = Pair()
    opened = Descriptors()
    for _ in range(3):
        _, arrived = pair.send(bytes(sharing._IDLE_BYTES + 1))
        del arrived
        gc.collect()
        assert pair.released[0] & NEW
        pair.release()
        # The owner keeps the block, two descriptors, and shows it again.
        assert len(opened.new("/memfd:")) == 2
    pair.pool.close()
    assert opened.new("/memfd:") == []


def test_a_reader_keeps_few_blocks_mapped() -> None:
    pair = Pair()
    arrived = [pair.send(bytes([number]) * SMALLEST)[1] for number in range(sharing._IDLE + 20)]
    arrived.clear()
    pair.release()

    assert len(pair.far._views._memory) == sharing._IDLE
    for number in range(100):
        _, again = pair.send(bytes([number]) * SMALLEST)
        assert bytes(again.segments[0]) == bytes([number]) * SMALLEST


def test_threads_that_send_at_once_release_each_block_once() -> None:
    peer = Peer(BlockPool())
    beside: list[bytes] = []

    class Interrupted(deque[int]):
        """Another thread sends between two blocks."""

        def popleft(self) -> int:
            if not beside:
                beside.append(b"")
                beside[0] = peer.releases()
            return super().popleft()

    peer._unused = Interrupted([1, 2, 3])

    assert peer.releases() == b""
    assert beside == [pack_numbers([1, 2, 3])]


def test_memory_is_copied_while_another_thread_imports_numpy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    half = ModuleType("numpy")
    half.__spec__ = ModuleSpec("numpy", None)
    monkeypatch.setattr(half.__spec__, "_initializing", True, raising=False)
    monkeypatch.setitem(sys.modules, "numpy", half)
    target = bytearray(4)

    blocks.copy(target, b"abcd")
    assert target == b"abcd"
