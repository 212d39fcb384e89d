"""The body of a frame with items of a stream: a MessagePack list of what each is encoded as."""

from __future__ import annotations

from collections.abc import Iterable

import msgpack

from seer_runtime.wire.frames import Buffer, FrameError

_HEAD = 5
"""Bytes that say of the longest list how long it is."""


def pack_items(bodies: Iterable[bytes]) -> bytes:
    """Give the body of a frame with items that are encoded already."""
    items = list(bodies)
    return b"".join([msgpack.Packer().pack_array_header(len(items)), *items])


def count_items(body: Buffer) -> int:
    """Give the number of items in a body, without a look at them.

    Raises:
        FrameError: it is no such body.
    """
    unpacker = msgpack.Unpacker()
    unpacker.feed(bytes(memoryview(body)[:_HEAD]))
    try:
        count: int = unpacker.read_array_header()
    except (ValueError, msgpack.UnpackException) as error:
        raise FrameError(f"items that are no list: {error}") from None
    return count
