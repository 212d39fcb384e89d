"""Encoded arguments made short: each large one gives way to its size, digest and beginning."""

from __future__ import annotations

import hashlib

import msgpack

from seer_runtime.wire.frames import Buffer
from seer_runtime.wire.limits import PACKER_BYTES

ABRIDGED = 2
"""The MessagePack extension that stands for what was left out: [size, digest, beginning]."""

WHOLE = 1024
"""Bytes of arguments, all together, that are kept as they are."""

_PART = 256
"""Bytes of one argument that are kept where all together are too many."""

_MOST = 4096
_BEGINNING = 60
_DIGEST = 8


def abridge(body: Buffer) -> Buffer:
    """Give encoded arguments, [by position, by name], the large ones replaced."""
    if len(body) <= WHOLE:
        return body
    try:
        abridged = _abridge(bytes(body))
    # What is no list of arguments is refused elsewhere; here it is only large.
    except Exception:  # noqa: BLE001
        abridged = b""
    if not 0 < len(abridged) <= _MOST:
        abridged = packed_arguments(_left_out(bytes(body)))
    return abridged


def abridge_unread(size: int) -> bytes:
    """Give what stands for arguments of that size of which nothing else is known."""
    return packed_arguments(_extension(size, b"", ""))


def packed_arguments(packed: bytes) -> bytes:
    """Give a body with one packed argument."""
    return b"\x92\x91" + packed + b"\x80"


def _abridge(body: bytes) -> bytes:
    unpacker = msgpack.Unpacker(max_buffer_size=len(body))
    unpacker.feed(body)
    packer = msgpack.Packer(buf_size=PACKER_BYTES)
    parts = [packer.pack_array_header(unpacker.read_array_header())]
    count = unpacker.read_array_header()
    parts.append(packer.pack_array_header(count))
    parts += [_part(body, unpacker) for _ in range(count)]
    count = unpacker.read_map_header()
    parts.append(packer.pack_map_header(count))
    # Names and values by turns.
    parts += [_part(body, unpacker) for _ in range(2 * count)]
    return b"".join(parts)


def _part(body: bytes, unpacker: msgpack.Unpacker) -> bytes:
    start = unpacker.tell()
    unpacker.skip()
    content = body[start : unpacker.tell()]
    return content if len(content) <= _PART else _left_out(content)


def _left_out(content: bytes) -> bytes:
    digest = hashlib.sha256(content).digest()[:_DIGEST]
    return _extension(len(content), digest, _beginning(content))


def _extension(size: int, digest: bytes, beginning: str) -> bytes:
    packer = msgpack.Packer(buf_size=PACKER_BYTES)
    packed: bytes = packer.pack(msgpack.ExtType(ABRIDGED, packer.pack([size, digest, beginning])))
    return packed


# The bytes before a text, by the first of them.
_TEXT = {0xD9: 2, 0xDA: 3, 0xDB: 5}


def _beginning(content: bytes) -> str:
    start = _TEXT.get(content[0])
    if start is None:
        return ""
    # A few more bytes than characters, and what is cut in two is left out.
    return content[start : start + 4 * _BEGINNING].decode(errors="ignore")[:_BEGINNING]
