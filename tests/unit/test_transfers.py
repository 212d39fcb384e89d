"""Large frames in chunks: their order, what breaks it, and what is left of those given up."""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seer_rpc.client.links.outbox import Outbox
from seer_runtime.wire.blocks import MOST, SMALLEST
from seer_runtime.wire.frames import (
    CHUNKS,
    Elsewhere,
    Frame,
    FrameError,
    Kind,
    decode_frame,
    encode_frame,
)
from seer_runtime.wire.transfers import CHUNK, Incoming, Outgoing, Place

SESSION = bytes(range(16))


def frame(seq: int, *segments: bytes, kind: Kind = Kind.CALL) -> Frame:
    return Frame(kind, SESSION, seq, name=f"f{seq}", body=b"body", segments=segments)


def announced(seq: int, *sizes: int) -> Frame:
    return Frame(Kind.CALL, SESSION, seq, segments=[Elsewhere(size, CHUNKS) for size in sizes])


def chunk(seq: int, content: bytes) -> Frame:
    return Frame(Kind.CHUNK, SESSION, seq, body=content)


def allocate(_: Frame, size: int) -> Place:
    memory = memoryview(bytearray(size))
    return Place(memory, memory)


def kinds(outgoing: Outgoing) -> list[tuple[Kind, int]]:
    found = []
    while (message := outgoing.pop()) is not None:
        sent = decode_frame(message)
        found.append((sent.kind, sent.seq))
    return found


def through(frames: Iterable[Frame]) -> list[Frame]:
    outgoing, incoming = Outgoing(), Incoming(allocate)
    for each in frames:
        outgoing.put(each)
    arrived = []
    while (message := outgoing.pop()) is not None:
        assert len(message) < CHUNK + (256 << 10)
        whole = incoming.take(decode_frame(message))
        if whole is not None:
            arrived.append(whole)
    assert not outgoing
    assert not list(incoming.abandoned())
    return arrived


def contents(whole: Frame) -> list[bytes]:
    return [bytes(each) for each in whole.segments]


@given(
    st.lists(
        st.lists(
            st.sampled_from(
                [0, 1, SMALLEST - 1, SMALLEST, SMALLEST + 1, CHUNK, CHUNK + 1, 2 * CHUNK]
            ),
            max_size=4,
        ),
        max_size=5,
    )
)
def test_whatever_is_sent_arrives_whole(sizes: list[list[int]]) -> None:
    sent = [
        frame(seq, *(os.urandom(1) * size for size in row))
        for seq, row in enumerate(sizes, start=1)
    ]

    arrived = sorted(through(sent), key=lambda each: each.seq)

    assert [contents(each) for each in arrived] == [contents(each) for each in sent]
    assert all((each.name, bytes(each.body)) == (f"f{each.seq}", b"body") for each in arrived)


def test_small_frames_overtake_the_chunks_of_large_ones() -> None:
    outgoing = Outgoing()
    outgoing.put(frame(1, bytes(3 * CHUNK)))
    assert decode_frame(outgoing.pop() or b"").kind is Kind.CALL
    outgoing.put(frame(2))

    assert kinds(outgoing) == [(Kind.CALL, 2)] + 3 * [(Kind.CHUNK, 1)]


def test_large_frames_take_turns() -> None:
    outgoing = Outgoing()
    outgoing.put(frame(1, bytes(3 * CHUNK)))
    outgoing.put(frame(2, bytes(2 * CHUNK)))

    order = [seq for _, seq in kinds(outgoing)]

    assert order[:6] == [1, 2, 1, 2, 1, 2]


def test_the_frames_of_one_call_stay_in_their_order() -> None:
    frames = [
        frame(1, bytes([number]) * size, kind=Kind.ITEMS)
        for number, size in enumerate([0, 2 * CHUNK, 1, 2 * CHUNK, 0])
    ]
    frames.append(Frame(Kind.END, SESSION, 1))

    arrived = through(frames)

    assert [each.kind for each in arrived] == [*5 * [Kind.ITEMS], Kind.END]
    assert [contents(each) for each in arrived[:5]] == [contents(each) for each in frames[:5]]


def test_no_more_is_sent_of_a_call_that_is_dropped() -> None:
    outgoing = Outgoing()
    outgoing.put(frame(1, bytes(3 * CHUNK)))
    outgoing.put(frame(2, bytes(CHUNK)))
    outgoing.pop()

    outgoing.drop((SESSION, 1))
    outgoing.drop((SESSION, 99))

    assert {seq for _, seq in kinds(outgoing)} == {2}
    assert not outgoing


@pytest.mark.parametrize("content", [b"", b"xxxxx"])
def test_a_chunk_that_does_not_fit_is_refused(content: bytes) -> None:
    incoming = Incoming(allocate)
    incoming.take(announced(1, 4))

    with pytest.raises(FrameError, match="does not fit"):
        incoming.take(chunk(1, content))


def test_a_chunk_of_nothing_is_refused() -> None:
    incoming = Incoming(allocate)
    incoming.take(announced(1, 2))
    incoming.take(chunk(1, b"ab"))

    with pytest.raises(FrameError, match="nothing"):
        incoming.take(chunk(1, b"c"))


@pytest.mark.parametrize("segment", [Elsewhere(0, CHUNKS), Elsewhere(5, 1), Elsewhere(5, 1 << 63)])
def test_memory_that_never_comes_is_refused(segment: Elsewhere) -> None:
    with pytest.raises(FrameError):
        Incoming(allocate).take(Frame(Kind.CALL, SESSION, 1, segments=[segment]))


@pytest.mark.parametrize("size", [1 << 40, 1 << 62, (1 << 64) - 1])
def test_memory_that_is_not_to_be_had_is_refused(size: int) -> None:
    def scarce(_: Frame, size: int) -> Place:
        # As a pool does that gets no block.
        raise OSError(size)

    with pytest.raises(FrameError, match="no memory"):
        Incoming(scarce).take(announced(1, size))


def test_a_call_that_is_sent_again_begins_again() -> None:
    incoming = Incoming(allocate)
    incoming.take(announced(1, 4, 2))
    incoming.take(chunk(1, b"old"))

    incoming.take(announced(1, 4, 2))
    incoming.take(chunk(1, b"newe"))
    whole = incoming.take(chunk(1, b"st"))

    assert whole is not None
    assert contents(whole) == [b"newe", b"st"]


def test_calls_whose_chunks_alternate_are_kept_apart() -> None:
    incoming = Incoming(allocate)
    incoming.take(announced(1, 2))
    incoming.take(announced(2, 2))
    assert incoming.take(chunk(1, b"a")) is None
    assert incoming.take(chunk(2, b"c")) is None

    first, second = incoming.take(chunk(1, b"b")), incoming.take(chunk(2, b"d"))

    assert first is not None
    assert second is not None
    assert (contents(first), contents(second)) == ([b"ab"], [b"cd"])


def test_what_never_became_whole_is_given_once() -> None:
    incoming = Incoming(allocate)
    incoming.take(announced(1, 2))
    incoming.take(announced(2, 2))
    incoming.take(chunk(2, b"cd"))

    assert [each.seq for each in incoming.abandoned()] == [1]
    assert list(incoming.abandoned()) == []


def test_only_what_is_large_gets_memory_of_its_own_and_not_more_than_one_frame_may_have() -> None:
    asked: list[int] = []

    def count(frame: Frame, size: int) -> Place:
        asked.append(size)
        return allocate(frame, size)

    incoming = Incoming(count)
    incoming.take(announced(1, *[8] * 300))
    assert asked == []

    incoming.take(announced(2, *[SMALLEST] * 300))
    assert len(asked) == MOST


def test_an_outbox_that_is_closed_has_sent_what_was_put_before() -> None:
    outbox = Outbox()
    outbox.put(frame(1))
    outbox.put(Frame(Kind.CLOSE, SESSION))
    outbox.close()

    assert [decode_frame(each).kind for each in outbox] == [Kind.CALL, Kind.CLOSE]


def test_an_outbox_that_is_closed_sends_no_more_of_large_frames() -> None:
    outbox = Outbox()
    outbox.put(frame(1, bytes(64 * CHUNK)))
    outbox.put(Frame(Kind.CLOSE, SESSION))
    outbox.close()

    assert list(outbox) == [encode_frame(Frame(Kind.CLOSE, SESSION))]


def test_an_outbox_drops_calls() -> None:
    outbox = Outbox()
    outbox.put(frame(1, bytes(2 * CHUNK)))
    outbox.drop((SESSION, 1))
    outbox.put(frame(2))
    messages = iter(outbox)

    assert decode_frame(next(messages)).seq in (1, 2)
    outbox.close()
    assert all(decode_frame(each).seq == 2 for each in messages)
