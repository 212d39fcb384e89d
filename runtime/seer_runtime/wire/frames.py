"""Frames: what a session's links carry, whatever they are made of.

A frame is a fixed header and what follows it (little-endian, no padding):

    magic 2s | version u8 | kind u8 | segments u32 | session 16s | seq u64 | ack u64
    | epoch u32 | timeout u32 | name u32 | rest u64
    | (size u64, place u64) * segments | name | body | segments that are here

`rest` is the number of bytes behind the header, so that a reader needs two reads. The name says
which interface or function the frame is about: a frame is routed without decoding its body.
Segments are raw memory: arrays travel there, never inside a body. Place 0 is here, in the frame;
a segment elsewhere comes in CHUNK frames (`CHUNKS`) or lies in a block of shared memory, whose
number the place is, with `NEW` where the block's descriptor comes along. The timeout is in
milliseconds; 0 stands for none.
"""

from __future__ import annotations

import array
import struct
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple, TypeAlias

from seer_runtime.wire.limits import MAX_SEGMENTS

Buffer: TypeAlias = bytes | bytearray | memoryview
CallKey: TypeAlias = tuple[bytes, int]
"""A session and the number of a call in it."""

MAGIC = b"SR"
VERSION = 2
NO_SESSION = bytes(16)
HEADER = struct.Struct("<2sBBI16sQQIIIQ")
_ENTRY = struct.Struct("<QQ")

_COPIED = 16 << 10
"""Bytes up to which to copy a part of a frame costs less than to make a view of it."""

HERE = 0
CHUNKS = (1 << 64) - 1
NEW = 1 << 63


class FrameError(ValueError):
    """Bytes that are no frame of this protocol. A bug, or a peer of another version."""


class Kind(IntEnum):
    """What a frame asks for or answers."""

    OPEN = 1
    """Client: open a session with the interface `name`; the body is the schema hash, or
    nothing, and behind a line feed what tells clients of one session apart. With a session it is
    to be resumed, or, where the epoch is not 0, opened if there is none. `ack`
    numbers the attempts of a client."""
    OPENED = 2
    """Runtime: the session is open; `session` and `epoch` are its own."""
    CALL = 3
    """Call the function `name`; the body is its encoded arguments. An epoch of 0 is any."""
    RESULT = 4
    """The encoded result of the call `seq`."""
    ERROR = 5
    """A serialised Failure: of the call `seq`, or of the session where `seq` is 0."""
    LOAD = 6
    """Front to worker: load an interface; the body is a serialised LoadRequest, the session the
    secret that invitations are made with."""
    LOADED = 7
    """Worker to front: the body is a serialised InterfaceSchema."""
    CANCEL = 8
    """End the call `seq`: before it begins, or where it can be ended cleanly. With a timeout, its
    deadline is over; `ack` acknowledges. The front may never have heard of a call made directly."""
    INTERRUPT = 9
    """Front to worker: raise in the call `seq`, wherever it is."""
    ITEMS = 10
    """Some more items of the stream that answers the call `seq`; the body is a list of them, `ack`
    the number of the items before them."""
    END = 11
    """The stream that answers the call `seq` is over."""
    MORE = 12
    """Client: `ack` items of the stream `seq` were taken so far; there is room for more."""
    LEAVING = 13
    """Worker to front: it ends, and begins no further call."""
    PROGRESS = 14
    """How far the call `seq` is; the body is [done, total or None, message]."""
    CHUNK = 15
    """Some more memory of the segments of the last frame of `seq` that left some for later."""
    RELEASE = 16
    """The peer's blocks whose numbers are the body are no longer in use here; with NEW in a number
    the block is not known here any more. The epoch says of which worker a client speaks."""
    HELLO = 17
    """Client: first frame of a socket. At the front's door the body is the token; at the worker's
    socket it is the proof that the front let the session in, and `seq` tells the client from
    others of its session."""
    WELCOME = 18
    """The socket may be used; `seq` is the highest number that a call of the session had there."""
    INVITATION = 19
    """Front to client: the body says where the worker takes calls of this session directly."""
    CLOSE = 20
    """Client: the session is over. Front to worker: forget the session."""
    ACK = 21
    """Client: every answer up to `ack` has arrived, and those whose numbers are the body."""
    FREE = 24
    """Client: the session's references whose numbers are the body are of no more use."""
    ALIVE = 25
    """Front to client: the connection works, whatever else is on its way."""
    KEEP = 26
    """Client: before the call `seq`. Where its answer is a stream, the front takes from now on the
    items for whoever asks for them later, and keeps all of them."""
    DRAIN = 27
    """Front to worker: begin no further call that comes directly."""


_KINDS = {int(kind): kind for kind in Kind}


class Header(NamedTuple):
    """The fixed part of a frame."""

    kind: Kind
    session: bytes
    seq: int
    ack: int
    epoch: int
    timeout: int
    segment_count: int
    name_length: int
    rest_length: int
    """Bytes behind the header."""


class Elsewhere(NamedTuple):
    """A segment whose memory is not in the frame."""

    size: int
    place: int
    """CHUNKS, or the number of a block of shared memory."""


Segment: TypeAlias = Buffer | Elsewhere


def pack_numbers(numbers: Iterable[int]) -> bytes:
    """Give the body of a frame that names blocks or references."""
    return array.array("Q", numbers).tobytes()


def unpack_numbers(body: Buffer) -> Sequence[int]:
    """Read such a body; what is no whole number at its end is not heeded."""
    return memoryview(body).cast("B")[: len(body) // 8 * 8].cast("Q")


def segment_size(segment: Segment) -> int:
    """Give the number of bytes of a segment, wherever they are."""
    return segment.size if isinstance(segment, Elsewhere) else memoryview(segment).nbytes


class Frame(NamedTuple):
    """One message of a session."""

    kind: Kind
    session: bytes = NO_SESSION
    seq: int = 0
    ack: int = 0
    epoch: int = 0
    timeout: int = 0
    name: str = ""
    body: Buffer = b""
    segments: Sequence[Segment] = ()

    @property
    def key(self) -> CallKey:
        """What the call that it is about is known by."""
        return self.session, self.seq


def parse_header(data: Buffer) -> Header:
    """Read the header at the start of `data`.

    Raises:
        FrameError: `data` is too short or does not begin like a frame.
    """
    if len(data) < HEADER.size:
        raise FrameError(f"a frame has at least {HEADER.size} bytes; got {len(data)}")
    magic, version, kind, segments, session, seq, ack, epoch, timeout, name, rest = (
        HEADER.unpack_from(data)
    )
    if magic != MAGIC:
        raise FrameError(f"not a frame: begins with {magic!r}")
    if version != VERSION:
        raise FrameError(f"the peer speaks protocol version {version}, this side {VERSION}")
    if segments > MAX_SEGMENTS:
        raise FrameError(f"{segments} segments in one frame; at most {MAX_SEGMENTS} are allowed")
    known = _KINDS.get(kind)
    if known is None:
        raise FrameError(f"unknown kind of frame: {kind}")
    return Header(known, session, seq, ack, epoch, timeout, segments, name, rest)


def encode_frame(frame: Frame) -> bytes:
    """Give the bytes of `frame`, without the segments that are elsewhere."""
    name = frame.name.encode()
    entries: list[Buffer] = []
    here: list[Buffer] = []
    size = len(name) + len(frame.body)
    for segment in frame.segments:
        if isinstance(segment, Elsewhere):
            entries.append(_ENTRY.pack(*segment))
        else:
            length = memoryview(segment).nbytes
            entries.append(_ENTRY.pack(length, HERE))
            here.append(segment)
            size += length
    header = HEADER.pack(
        MAGIC,
        VERSION,
        frame.kind,
        len(entries),
        frame.session,
        frame.seq,
        frame.ack,
        frame.epoch,
        frame.timeout,
        len(name),
        size + len(entries) * _ENTRY.size,
    )
    return b"".join((header, *entries, name, frame.body, *here))


def decode_frame(data: Buffer) -> Frame:
    """Read a whole frame; of a large one, body and segments are views of `data`.

    Raises:
        FrameError: `data` is not exactly one frame.
    """
    header = parse_header(data)
    frame = decode_rest(header, data)
    if frame is None:
        rest = len(data) - HEADER.size
        raise FrameError(f"{header.rest_length} bytes should follow the header; got {rest}")
    return frame


def decode_rest(header: Header, data: Buffer) -> Frame | None:
    """Read the frame that begins with this header; None where `data` has more than it, or less.

    Raises:
        FrameError: its parts do not fit into it.
    """
    kind, session, seq, ack, epoch, timeout, segment_count, name_length, rest_length = header
    if len(data) != HEADER.size + rest_length:
        return None
    if len(data) > _COPIED:
        data = memoryview(data)
    name_start = HEADER.size + _ENTRY.size * segment_count
    body_start = name_start + name_length
    if len(data) < body_start:
        raise FrameError("the frame is shorter than its parts")
    try:
        name = str(data[name_start:body_start], "utf-8")
    except UnicodeDecodeError as error:
        raise FrameError(f"the frame's name is not UTF-8: {error}") from None
    if not segment_count:
        return Frame(kind, session, seq, ack, epoch, timeout, name, data[body_start:])
    segments: list[Segment] = []
    end = len(data)
    for size, place in reversed(list(_ENTRY.iter_unpack(data[HEADER.size : name_start]))):
        if place == HERE:
            segments.append(data[end - size : end] if size <= end else b"")
            end -= size
        else:
            segments.append(Elsewhere(size, place))
    if end < body_start:
        raise FrameError("the frame is shorter than its parts")
    segments.reverse()
    body = data[body_start:end]
    return Frame(kind, session, seq, ack, epoch, timeout, name, body, segments)
