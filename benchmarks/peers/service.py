"""What the servers of peers do whose values are bytes."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

import msgpack

from benchmarks.values import ELEMENT, LAST, items


class Service:
    """A server's functions, as one would write them by hand."""

    def __init__(self) -> None:
        """Begin with no array."""
        self._prepared = array("f")

    def echo(self, packed: bytes) -> bytes:
        """Give a value back."""
        return pack(unpack(packed))

    def take(self, data: bytes) -> float:
        """Give the last element of an array."""
        return last_element(data)

    def prepare(self, count: int) -> bytes:
        """Make the array that `give` gives; there is nothing to say about it."""
        self._prepared = array("f", [1.0]) * count
        self._prepared[-1] = LAST
        return b""

    def give(self) -> bytes:
        """Give the array that was prepared."""
        return self._prepared.tobytes()

    def view(self) -> memoryview:
        """Give the array that was prepared, where it lies."""
        return memoryview(self._prepared)

    def stream(self, count: int) -> Iterator[bytes]:
        """Give the items of a stream."""
        return map(pack, items(count))


def pack(value: Any) -> bytes:
    """Encode a value."""
    packed: bytes = msgpack.packb(value)
    return packed


def unpack(packed: bytes) -> Any:
    """Decode a value."""
    return msgpack.unpackb(packed)


def last_element(data: bytes | bytearray | memoryview) -> float:
    """Give the last float32."""
    (last,) = memoryview(data)[-ELEMENT:].cast("f")
    return last
