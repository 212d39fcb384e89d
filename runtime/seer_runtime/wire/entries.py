"""Entries: what the journal holds of calls, as bytes.

A chunk is magic 4s | length u32 | checksum u32 | content, little-endian; the content is
MessagePack, `[source, [entry, ...]]`. Whoever writes may die at it: a reader takes the whole
chunks and passes over everything else. A chunk without entries says that an interface is served.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgpack

from seer_runtime.wire.abridgement import abridge
from seer_runtime.wire.frames import Buffer, Elsewhere, Frame, Segment
from seer_runtime.wire.limits import PACKER_BYTES
from seer_runtime.wire.pb.runtime_pb2 import Failure

_MAGIC = b"\xf1SJ\x01"
_HEAD = struct.Struct("<4sII")
_LATEST = 1e11
"""Seconds since 1970 that are still a date."""

_EFFORT = 8
"""How many times as much as there is may be looked at in vain."""

_PAIR = b"\x92"
_MESSAGE = 500
"""Characters of a failure's message."""


class Source(NamedTuple):
    """Who wrote a chunk."""

    interface: str
    epoch: int
    time: float
    """When, in seconds since 1970."""

    dropped: int = 0
    """Calls whose entries were lost before these, because they came too fast."""


class Fault(NamedTuple):
    """What a call that gave no value failed with: fields of its Failure."""

    kind: int
    """0 where nobody knows how the call ended."""

    effect: int
    state: int
    exception: str = ""
    message: str = ""


class Entry(NamedTuple):
    """What is known of a call; a later entry of the same call may know more."""

    session: bytes
    seq: int
    function: str
    """Empty where it is not known."""

    began: float
    """When, in seconds since 1970; 0 where that is not known."""

    duration: float | None
    body: Buffer | None
    """The encoded arguments, large ones abridged; None where they are not known."""

    sizes: Sequence[int] = ()
    """Bytes of each segment."""

    is_over: bool = True
    fault: Fault | None = None


def pack_entry(entry: Entry) -> bytes:
    """Give the bytes of an entry."""
    return _pack(entry)


def join_entries(source: Source, packed: Sequence[bytes]) -> bytes:
    """Give the bytes of a chunk with entries that are packed."""
    parts = (_PAIR, _pack(source), msgpack.Packer().pack_array_header(len(packed)), *packed)
    content = b"".join(parts)
    return _HEAD.pack(_MAGIC, len(content), zlib.crc32(content)) + content


def pack_chunk(source: Source, entries: Iterable[Entry] = ()) -> bytes:
    """Give the bytes of a chunk."""
    return join_entries(source, [pack_entry(entry) for entry in entries])


def read_chunks(data: bytes, start: int = 0) -> Iterator[tuple[int, Source, list[Entry]]]:
    """Give the whole chunks from `start` on, each with the place behind it."""
    # What has no chunks in it may look as if it had millions.
    effort = _EFFORT * len(data)
    while effort >= 0 and (start := data.find(_MAGIC, start)) >= 0:
        content = _content(data, start)
        read = _read(content) if content is not None else None
        if content is None or read is None:
            effort -= _claimed(data, start)
            start += 1
        else:
            start += _HEAD.size + len(content)
            yield start, *read


def entry_of(
    call: Frame, began: float, duration: float | None, fault: Fault | None = None
) -> Entry:
    """Give what is known of a call whose frame is known."""
    sizes = sizes_of(call.segments) if call.segments else ()
    body = abridge(call.body)
    return Entry(call.session, call.seq, call.name, began, duration, body, sizes, True, fault)


def fault_of(failure: Failure) -> Fault:
    """Give what is kept of a failure."""
    message = failure.message[:_MESSAGE]
    return Fault(failure.kind, failure.effect, failure.state, failure.exception, message)


def sizes_of(segments: Sequence[Segment]) -> list[int]:
    """Give the bytes of each segment."""
    return [
        each.size if isinstance(each, Elsewhere) else memoryview(each).nbytes for each in segments
    ]


def _pack(value: object) -> bytes:
    packed: bytes = msgpack.Packer(buf_size=PACKER_BYTES, unicode_errors="surrogatepass").pack(
        value
    )
    return packed


def _content(data: bytes, start: int) -> bytes | None:
    if len(data) < start + _HEAD.size:
        return None
    _, length, checksum = _HEAD.unpack_from(data, start)
    begin = start + _HEAD.size
    content = data[begin : begin + length]
    return content if len(content) == length and zlib.crc32(content) == checksum else None


def _claimed(data: bytes, start: int) -> int:
    """Give the bytes that were looked at to find that there is no chunk."""
    if len(data) < start + _HEAD.size:
        return 0
    return min(int(_HEAD.unpack_from(data, start)[1]), len(data) - start)


def _read(content: bytes) -> tuple[Source, list[Entry]] | None:
    try:
        source, entries = msgpack.unpackb(content, unicode_errors="surrogatepass")
        return _source(*source), [_entry(*each) for each in entries]
    # Interfaces run with the rights to write anything.
    except Exception:  # noqa: BLE001
        return None


def _source(interface: str, epoch: int, time: float, dropped: int) -> Source:
    return Source(str(interface), int(epoch), _time(time), int(dropped))


def _entry(session: bytes, seq: int, function: str, began: float, *others: Any) -> Entry:
    duration, body, sizes, is_over, fault = others
    return Entry(
        bytes(session),
        int(seq),
        str(function),
        _time(began),
        None if duration is None else float(duration),
        None if body is None else bytes(body),
        [int(size) for size in sizes],
        bool(is_over),
        None if fault is None else _fault(*fault),
    )


def _fault(kind: int, effect: int, state: int, exception: str, message: str) -> Fault:
    return Fault(int(kind), int(effect), int(state), str(exception), str(message))


def _time(seconds: float) -> float:
    if not 0 <= seconds < _LATEST:
        raise ValueError(f"no time: {seconds}")
    return float(seconds)
