"""Bytes of a peer that is broken or hostile are refused in words, at the price of their size."""

from __future__ import annotations

import contextlib
import random
import struct
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator

import pytest

from seer_runtime.wire.claims import HARMLESS
from seer_runtime.wire.codec import Codec
from seer_runtime.wire.errors import DecodeError
from seer_runtime.wire.frames import HEADER, Frame, FrameError, Kind, decode_frame, encode_frame
from tests.faults.mutations import frames, made_up, marked, mutate

ROUNDS = 50_000
SECONDS = 60.0
"""Of the processor; what other work it has counts for nothing."""
MOST_MEMORY = 4 << 20
"""Bytes that all decoding may hold at any time; the inputs are of some hundred bytes each."""


@contextlib.contextmanager
def bounded(most: int = MOST_MEMORY) -> Iterator[None]:
    """Fail where the block needs more memory than that."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most, f"{peak} bytes"


def decode(data: bytes) -> str:
    """Decode a frame and the value in it, as either side does; anything else is raised."""
    try:
        frame = decode_frame(data)
    except FrameError:
        return "no frame"
    return decode_value(frame)


def decode_value(frame: Frame) -> str:
    try:
        Codec().decode(frame.body, frame.segments)
    except DecodeError:
        return "no value"
    return "value"


def test_the_corpus_is_valid_as_it_is() -> None:
    ends = Counter(map(decode, frames()))

    assert ends["no frame"] == 0
    assert ends["value"] > 30


def test_damaged_frames_are_refused_or_read() -> None:
    corpus, draw = frames(), random.Random(1)
    begun = time.thread_time()
    with bounded():
        ends = Counter(decode(mutate(draw.choice(corpus), draw, corpus)) for _ in range(ROUNDS))

    # Each branch was reached.
    assert min(ends[end] for end in ("no frame", "no value", "value")) > ROUNDS / 100
    assert time.thread_time() - begun < SECONDS


def test_damaged_values_are_refused_or_read() -> None:
    corpus, draw = [decode_frame(data) for data in frames()], random.Random(2)
    bodies = [bytes(frame.body) for frame in corpus]
    begun = time.thread_time()
    with bounded():
        ends: Counter[str] = Counter()
        for number in range(ROUNDS):
            frame = draw.choice(corpus)
            body = made_up(draw) if number % 4 == 0 else mutate(bytes(frame.body), draw, bodies)
            ends[decode_value(frame._replace(body=body))] += 1

    assert min(ends[end] for end in ("no value", "value")) > ROUNDS / 100
    assert time.thread_time() - begun < SECONDS


@pytest.mark.parametrize("code", [0xC6, 0xC9, 0xDB, 0xDD, 0xDF], ids=lambda code: f"{code:#x}")
@pytest.mark.parametrize("length", [2**31 - 1, 2**31, 2**32 - 1])
def test_a_value_that_claims_to_be_huge_costs_nothing(code: int, length: int) -> None:
    body = struct.pack(">BI", code, length) + b"\0" * 1000
    with bounded(1 << 20), pytest.raises(DecodeError):
        Codec().decode(body)


@pytest.mark.parametrize("kind", ["array", "tensor"])
@pytest.mark.parametrize("shape", [[2**40], [2**31, 2**31], [2**62, 4]])
def test_an_array_that_claims_to_be_huge_costs_nothing(kind: str, shape: list[int]) -> None:
    body = marked(kind, "float32" if kind == "tensor" else "<f4", shape, 0)
    with bounded(1 << 20), pytest.raises(DecodeError):
        Codec().decode(body, [b"1234"])


@pytest.mark.parametrize("offset", range(0, HEADER.size - 3, 4))
@pytest.mark.parametrize("claim", [2**31 - 1, 2**31, 2**32 - 1])
def test_a_frame_that_claims_to_be_huge_costs_nothing(offset: int, claim: int) -> None:
    data = bytearray(encode_frame(Frame(Kind.CALL, name="name", body=b"body", segments=[b"one"])))
    struct.pack_into("<I", data, offset, claim)
    with bounded(1 << 20), contextlib.suppress(FrameError):
        decode_frame(data)


@pytest.mark.parametrize("head", [">BI", ">BH"], ids=["array 32", "array 16"])
@pytest.mark.parametrize("size", [HARMLESS, HARMLESS + 1, 4 << 10, 65_536, 4 << 20])
def test_lists_within_lists_that_claim_to_be_huge_cost_nothing(size: int, head: str) -> None:
    code = 0xDD if head == ">BI" else 0xDC
    header = struct.pack(head, code, min(size - 1, 65_535))
    body = (header * 2000)[:size].ljust(size, b"\0")
    with bounded(max(1 << 20, 4 * size)), pytest.raises(DecodeError):
        Codec().decode(body)
    if size > HARMLESS:
        # As a segment beside the body, where large ones are.
        with bounded(4 * size + (1 << 20)), pytest.raises(DecodeError):
            Codec().decode(marked("body", 0), [body])


@pytest.mark.parametrize("item", [[], {}, {0: 0}, "", 0.5, set()], ids=repr)
def test_a_value_takes_no_more_than_a_hundred_times_its_bytes(item: object) -> None:
    body = Codec().encode([item] * 10_000).body
    with bounded(100 * len(body)):
        Codec().decode(body)


def test_a_shape_of_many_lengths_costs_little_time() -> None:
    body = marked("array", "<f4", [2**63 - 1] * 50_000, 0)
    begun = time.thread_time()
    with pytest.raises(DecodeError):
        Codec().decode(body, [b"1234"])
    assert time.thread_time() - begun < 0.5
