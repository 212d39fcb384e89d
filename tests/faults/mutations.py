"""Bytes that are almost right: valid frames and values, and what damage makes of them."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import msgpack
import numpy as np
import torch

from seer_runtime.wire.codec import Codec
from seer_runtime.wire.frames import Frame, Kind, encode_frame
from seer_runtime.wire.pb.runtime_pb2 import Failure


class _Colour(Enum):
    RED = "red"


@dataclass
class _Point:
    x: int
    label: str


VALUES: Sequence[object] = (
    *(None, True, 0, -1, 127, 2**31, 2**63, -(2**63), 2**200, 0.5, float("nan"), "", "größe"),
    *("x" * 300, b"", b"bytes", b"\x00" * 300, [], [1, [2, [3]]], {}, {"a": {"b": 1}}),
    *((), (1, (2, 3)), {1, 2}, frozenset({"a"}), {(1, 2): None, None: 1, 2.5: b"x"}, 1 + 2j),
    *(range(1, 10, 2), Path("/a/b"), UUID(int=5), Decimal("1.50"), _Colour.RED, _Point(1, "p")),
    *(
        date(2024, 2, 29),
        time(1, 2, 3),
        timedelta(days=-1, microseconds=5),
        datetime(2024, 1, 1, 2),
    ),
    datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=2))),
    datetime(2024, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")),
    [np.arange(12).reshape(3, 4), np.float32(1.5), np.array(["ab", ""]), np.empty((0, 3))],
    [np.array(["2024-01-01"], dtype="M8[D]"), np.array(True), np.zeros(5, dtype=">i2")],
    [torch.arange(6).reshape(2, 3), torch.ones(4, dtype=torch.bfloat16), torch.empty(0)],
    [{"key": [(_Point(2, "q"), {b"deep": (Fraction(1, 2).numerator,)})]}] * 5,
)

_MARK = msgpack.unpackb(Codec().encode(()).body)[0]
_TAGS = (
    *("tuple", "set", "frozenset", "int", "complex", "datetime", "time", "date", "timedelta"),
    *("decimal", "uuid", "range", "path", "record", "enum", "tensor", "array", "scalar", "none"),
)
_PARTS: Sequence[object] = (
    *(None, True, 0.5, float("nan"), "", "text", "\ud800", b"", b"x" * 16, "__class__", "a\0b"),
    *("float32", "<f4", "|O", "|V8", "M8[D]", "U9", "quint8", "bits8", "uint1", "complex64"),
    *("2024-01-01", "12:00", "Europe/Berlin", "../etc/passwd", "1e999999999", "posix/", "/"),
)

_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
_LAYOUTS = ("B", "<H", ">H", "<I", ">I", "<Q", ">Q")

Damage = Callable[[bytearray, random.Random, bytes], None]


def frames() -> list[bytes]:
    """Give valid frames: every kind, every value."""
    codec = Codec()
    encoded = [codec.encode(value) for value in VALUES]
    plain = [Frame(Kind.RESULT, bytes(16), 3, 2, 1, 0, "name", *each) for each in encoded]
    failure = Failure(kind=Failure.RAISED, message="m", exception="ValueError", log=["a", "b"])
    body = failure.SerializeToString()
    kinds = [Frame(kind, bytes(range(16)), 7, 6, 1, 500, "größe", body, [b"seg"]) for kind in Kind]
    return [encode_frame(frame) for frame in (*plain, *kinds)]


def marked(*parts: object) -> bytes:
    """Give the MessagePack of a list that stands for something else."""
    packed: bytes = msgpack.packb([_MARK, *parts])
    return packed


def made_up(draw: random.Random, depth: int = 4) -> bytes:
    """Give the MessagePack of values that begin right: known tags, parts of any kind."""
    packed: bytes = msgpack.packb(_made_up(draw, depth), unicode_errors="surrogatepass")
    return packed


def _made_up(draw: random.Random, depth: int) -> object:
    kind = draw.randrange(8 if depth else 4)
    if kind < 3:
        return draw.choice(_PARTS)
    if kind == 3:
        return draw.choice((-1, 0, 1, 2**31, 2**63 - 1, draw.randrange(100)))
    parts = [_made_up(draw, depth - 1) for _ in range(draw.randrange(5))]
    if kind == 4:
        return {draw.choice(_TAGS): part for part in parts}
    return [_MARK, draw.choice(_TAGS), *parts] if kind > 5 else parts


def mutate(data: bytes, draw: random.Random, corpus: Sequence[bytes]) -> bytes:
    """Damage `data` in one to four ways, or make bytes up."""
    if draw.random() < 0.02:
        return draw.randbytes(draw.randrange(200))
    damaged = bytearray(data)
    for _ in range(draw.randrange(1, 5)):
        draw.choice(_DAMAGES)(damaged, draw, draw.choice(corpus))
    return bytes(damaged)


def _flip(data: bytearray, draw: random.Random, other: bytes) -> None:
    if data:
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def _set_number(data: bytearray, draw: random.Random, other: bytes) -> None:
    """Write a number that may be a length, where one may be."""
    layout = draw.choice(_LAYOUTS)
    size = struct.calcsize(layout)
    if len(data) >= size:
        number = draw.choice(_NUMBERS) + draw.choice((0, 0, -1, 1))
        place = draw.randrange(len(data) - size + 1)
        struct.pack_into(layout, data, place, number % (1 << 8 * size))


def _truncate(data: bytearray, draw: random.Random, other: bytes) -> None:
    del data[draw.randrange(len(data) + 1) :]


def _splice(data: bytearray, draw: random.Random, other: bytes) -> None:
    """Go on as another one does."""
    data[draw.randrange(len(data) + 1) :] = other[draw.randrange(len(other) + 1) :]


def _insert(data: bytearray, draw: random.Random, other: bytes) -> None:
    place, start = draw.randrange(len(data) + 1), draw.randrange(len(other) + 1)
    data[place:place] = other[start : start + draw.randrange(1, 30)]


def _remove(data: bytearray, draw: random.Random, other: bytes) -> None:
    start = draw.randrange(len(data) + 1)
    del data[start : start + draw.randrange(1, 30)]


def _repeat(data: bytearray, draw: random.Random, other: bytes) -> None:
    start = draw.randrange(len(data) + 1)
    data[start:start] = data[start : start + draw.randrange(1, 10)] * draw.randrange(1, 20)


_DAMAGES: Sequence[Damage] = (
    *(_flip, _flip, _set_number, _set_number),
    *(_truncate, _splice, _insert, _remove, _repeat),
)
