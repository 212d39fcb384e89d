"""What MessagePack claims to hold, held against what has arrived."""

from __future__ import annotations

import msgpack

from seer_runtime.wire.frames import Buffer

HARMLESS = 512
"""Bytes that cannot claim more than 1 MiB, however lists are nested in them."""


def check_claims(body: Buffer) -> None:
    """See to it that all that the headers of a body claim is there.

    The decoder makes room for a list at its header, so lists within lists that claim to be long
    take thousands of times their bytes. A value that is whole takes a hundred times its bytes at
    most: those of an empty list or dict.

    Raises:
        msgpack.OutOfData: it is not.
        ValueError: it is no MessagePack.
    """
    unpacker = msgpack.Unpacker(max_buffer_size=len(body))
    unpacker.feed(body)
    # Reads on to the end of the value, and builds nothing.
    unpacker.skip()
