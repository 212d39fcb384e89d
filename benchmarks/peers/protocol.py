"""What is measured of a peer: a client in this process, and a server in one of its own.

A peer's module has `open_peer(folder, variant)`; `folder` is empty, and for its sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeAlias

from benchmarks.values import Array

Echo: TypeAlias = Callable[[Any], Any]


class Peer(Protocol):
    """What every peer can do."""

    def caller(self) -> Echo:
        """Give what one thread makes small calls with."""

    def close(self) -> None:
        """End the client and the server."""


class Carrier(Protocol):
    """Arrays of float32, each way."""

    def take(self, array: Array) -> float:
        """Send an array; gives its last element as the server sees it."""

    def prepare(self, count: int) -> None:
        """Have the server make the array that `give` brings."""

    def give(self) -> float:
        """Bring the array here; gives its last element."""


class Streamer(Protocol):
    """Streams."""

    def stream(self, count: int) -> Iterator[Any]:
        """Give items as the server makes them."""
