"""Frames: what is written is read again, and whatever else arrives is refused."""

from __future__ import annotations

import contextlib
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seer_runtime.wire.frames import (
    HEADER,
    Frame,
    FrameError,
    Kind,
    decode_frame,
    encode_frame,
    parse_header,
)
from seer_runtime.wire.limits import MAX_SEGMENTS

FULL = Frame(
    Kind.CALL,
    session=bytes(range(16)),
    seq=2**64 - 1,
    ack=2**63,
    epoch=2**32 - 1,
    name="größe",
    body=b"body",
    segments=[b"", b"one", bytearray(b"three"), memoryview(b"xyz")[::1]],
)


def plain(frame: Frame) -> Frame:
    return frame._replace(body=bytes(frame.body), segments=[bytes(s) for s in frame.segments])


@pytest.mark.parametrize("kind", Kind)
def test_a_frame_of_nothing_but_a_kind_comes_back(kind: Kind) -> None:
    assert plain(decode_frame(encode_frame(Frame(kind)))) == Frame(kind, segments=[])


def test_every_part_comes_back() -> None:
    assert plain(decode_frame(encode_frame(FULL))) == plain(FULL)


@given(
    st.builds(
        Frame,
        st.sampled_from(Kind),
        st.binary(min_size=16, max_size=16),
        st.integers(0, 2**64 - 1),
        st.integers(0, 2**64 - 1),
        st.integers(0, 2**32 - 1),
        st.integers(0, 2**32 - 1),
        st.text(max_size=20),
        st.binary(max_size=50),
        st.lists(st.binary(max_size=20), max_size=5),
    )
)
def test_any_frame_comes_back(frame: Frame) -> None:
    assert plain(decode_frame(encode_frame(frame))) == frame


def test_segments_of_any_item_size_are_counted_in_bytes() -> None:
    numbers: memoryview[Any] = memoryview(struct.pack("<3d", 1, 2, 3)).cast("d")

    frame = decode_frame(encode_frame(Frame(Kind.CALL, segments=[numbers])))

    assert bytes(frame.segments[0]) == bytes(numbers)


def test_what_is_large_is_not_copied() -> None:
    data = bytearray(encode_frame(FULL._replace(segments=[bytes(1 << 20)])))

    frame = decode_frame(data)
    data[-1] = ord("!")

    assert bytes(frame.segments[-1][-2:]) == b"\0!"


def test_a_header_tells_how_many_bytes_follow() -> None:
    data = encode_frame(FULL)

    assert HEADER.size + parse_header(data[: HEADER.size]).rest_length == len(data)


@pytest.mark.parametrize("end", range(len(encode_frame(FULL))))
def test_a_frame_that_is_cut_off_is_refused(end: int) -> None:
    with pytest.raises(FrameError):
        decode_frame(encode_frame(FULL)[:end])


def changed(offset: int, layout: str, value: Any) -> bytes:
    data = bytearray(encode_frame(FULL))
    struct.pack_into(layout, data, offset, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (encode_frame(FULL) + b"\0", "should follow the header; got"),
        (changed(0, "<2s", b"HT"), "begins with b'HT'"),
        (changed(2, "<B", 1), "version 1"),
        (changed(3, "<B", 0), "unknown kind of frame: 0"),
        (changed(3, "<B", 255), "unknown kind of frame: 255"),
        (changed(4, "<I", MAX_SEGMENTS + 1), "segments"),
        (changed(4, "<I", 2**32 - 1), "segments"),
        (changed(4, "<I", MAX_SEGMENTS), "shorter than its parts"),
        (changed(HEADER.size - 8, "<Q", 2**64 - 1), "should follow the header; got"),
        (changed(HEADER.size - 12, "<I", 2**32 - 1), "shorter than its parts"),
        (changed(HEADER.size, "<Q", 2**64 - 1), "shorter than its parts"),
        (changed(HEADER.size + 16 * len(FULL.segments), "<B", 0xFF), "UTF-8"),
    ],
)
def test_what_is_no_frame_is_refused_with_a_reason(data: bytes, problem: str) -> None:
    with pytest.raises(FrameError, match=problem):
        decode_frame(data)


@given(st.binary(max_size=200), st.integers(0, 100), st.binary(max_size=4))
def test_any_bytes_are_a_frame_or_refused(data: bytes, place: int, damage: bytes) -> None:
    frame = encode_frame(FULL)
    for each in (data, frame[:place] + damage + frame[place + len(damage) :], frame + data):
        with contextlib.suppress(FrameError):
            decode_frame(each)
