"""Frames: what a session's links carry, whatever they are made of.

A frame is a fixed header, the lengths of its segments, a body and the segments themselves:

    magic 2s | version u8 | kind u8 | segments u32 | session 16s | seq u64 | ack u64
    | epoch u32 | name u16 | reserved u16 | body u64 | segment lengths u64 * segments
    | name | body | segment * segments        (little-endian, no padding)

The name says which interface or function the frame is about, so that a frame can be routed
without decoding its body. Segments are raw memory: tensors travel there, never inside a body.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple, TypeAlias

from seer_runtime.wire.limits import MAX_SEGMENTS

Buffer: TypeAlias = bytes | bytearray | memoryview

MAGIC = b"SR"
VERSION = 1
NO_SESSION = bytes(16)
HEADER = struct.Struct("<2sBBI16sQQIHHQ")


class FrameError(ValueError):
    """Bytes that are no frame of this protocol. A bug, or a peer of another version."""


class Kind(IntEnum):
    """What a frame asks for or answers."""

    OPEN = 1
    """Client: open a session with the interface `name`; the body is the schema hash or empty."""
    OPENED = 2
    """Runtime: the session is open; `session` and `epoch` are its own."""
    CALL = 3
    """Call the function `name`; the body is its encoded arguments."""
    RESULT = 4
    """The encoded result of the call `seq`."""
    ERROR = 5
    """A serialised Failure: of the call `seq`, or of the session where `seq` is 0."""
    LOAD = 6
    """Front to worker: load an interface; the body is a serialised LoadRequest."""
    LOADED = 7
    """Worker to front: the body is a serialised InterfaceSchema."""


class Header(NamedTuple):
    """The fixed part of a frame."""

    kind: Kind
    session: bytes
    seq: int
    ack: int
    epoch: int
    segment_count: int
    name_length: int
    body_length: int


class Frame(NamedTuple):
    """One message of a session."""

    kind: Kind
    session: bytes = NO_SESSION
    seq: int = 0
    ack: int = 0
    epoch: int = 0
    name: str = ""
    body: Buffer = b""
    segments: Sequence[Buffer] = ()


def parse_header(data: Buffer) -> Header:
    """Read the header at the start of `data`.

    Raises:
        FrameError: `data` is too short or does not begin like a frame.
    """
    if len(data) < HEADER.size:
        raise FrameError(f"a frame has at least {HEADER.size} bytes; got {len(data)}")
    magic, version, kind, segments, session, seq, ack, epoch, name, _, body = HEADER.unpack_from(
        data
    )
    if magic != MAGIC:
        raise FrameError(f"not a frame: begins with {magic!r}")
    if version != VERSION:
        raise FrameError(f"the peer speaks protocol version {version}, this side {VERSION}")
    if segments > MAX_SEGMENTS:
        raise FrameError(f"{segments} segments in one frame; at most {MAX_SEGMENTS} are allowed")
    try:
        known = Kind(kind)
    except ValueError:
        raise FrameError(f"unknown kind of frame: {kind}") from None
    return Header(known, session, seq, ack, epoch, segments, name, body)


def rest_length(header: Header, lengths: Buffer) -> int:
    """Give the number of bytes that follow the segment lengths."""
    return header.name_length + header.body_length + sum(_segment_lengths(header, lengths))


def encode_frame(frame: Frame) -> bytes:
    """Give the bytes of `frame`."""
    name = frame.name.encode()
    segments = [memoryview(segment).cast("B") for segment in frame.segments]
    header = HEADER.pack(
        MAGIC,
        VERSION,
        frame.kind,
        len(segments),
        frame.session,
        frame.seq,
        frame.ack,
        frame.epoch,
        len(name),
        0,
        len(frame.body),
    )
    lengths = struct.pack(f"<{len(segments)}Q", *(segment.nbytes for segment in segments))
    return b"".join((header, lengths, name, frame.body, *segments))


def decode_frame(data: Buffer) -> Frame:
    """Read a whole frame; body and segments are views of `data`.

    Raises:
        FrameError: `data` is not exactly one frame.
    """
    header = parse_header(data)
    view = memoryview(data)
    start = HEADER.size + 8 * header.segment_count
    lengths = _segment_lengths(header, view[HEADER.size : start])
    expected = start + header.name_length + header.body_length + sum(lengths)
    if len(view) != expected:
        raise FrameError(f"the frame says that it has {expected} bytes; got {len(view)}")
    name, start = view[start : start + header.name_length], start + header.name_length
    body, start = view[start : start + header.body_length], start + header.body_length
    segments = []
    for length in lengths:
        segments.append(view[start : start + length])
        start += length
    try:
        text = str(name, "utf-8")
    except UnicodeDecodeError as error:
        raise FrameError(f"the frame's name is not UTF-8: {error}") from None
    return Frame(
        header.kind, header.session, header.seq, header.ack, header.epoch, text, body, segments
    )


def _segment_lengths(header: Header, lengths: Buffer) -> tuple[int, ...]:
    if len(lengths) != 8 * header.segment_count:
        raise FrameError("the frame ends within its segment lengths")
    return struct.unpack(f"<{header.segment_count}Q", lengths)
