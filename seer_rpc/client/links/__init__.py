"""Links: what carries a session's frames. One verb out, two events back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from seer_rpc.client.connection import Connection
from seer_rpc.client.links.door import DoorLink, find_door
from seer_rpc.client.links.incoming import Memory
from seer_rpc.errors import SeerError
from seer_runtime.wire.frames import CallKey, Frame

OnFrame: TypeAlias = Callable[[Frame], None]
OnLost: TypeAlias = Callable[[SeerError], None]


class Link(Protocol):
    """One connection to a runtime."""

    def send(self, frame: Frame) -> None:
        """Send a frame; does not wait. On a link that is lost it goes nowhere."""

    def drop(self, key: CallKey) -> None:
        """Send no more of the large arguments of a call."""

    def close(self) -> None:
        """End the connection, once what was sent has left."""

    def wait(self, seconds: float) -> None:
        """Wait for the end of a connection that was closed, no longer than so many seconds."""

    def abort(self) -> None:
        """End the connection at once."""


def open_link(connection: Connection, memory: Memory, on_frame: OnFrame, on_lost: OnLost) -> Link:
    """Open a link; frames, and the end of the connection, arrive on a thread of its own.

    On the runtime's own host it is a socket; where there is none, and to other hosts, gRPC.
    """
    door = find_door(connection)
    if door is not None:
        return DoorLink(door, connection, memory, on_frame, on_lost)
    # gRPC takes long to import; a library that nobody calls yet goes without.
    from seer_rpc.client.links.grpc import GrpcLink

    return GrpcLink(connection, memory, on_frame, on_lost)
