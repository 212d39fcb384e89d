"""Links: what carries a session's frames. One verb out, two events back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from seer_rpc.client.connection import Connection
from seer_rpc.errors import SeerError
from seer_runtime.wire.frames import Frame

OnFrame: TypeAlias = Callable[[Frame], None]
OnLost: TypeAlias = Callable[[SeerError], None]


class Link(Protocol):
    """One connection to a runtime."""

    def send(self, frame: Frame) -> None:
        """Send a frame; does not wait.

        Raises:
            SeerError: the link is broken; the frame was not sent.
        """

    def close(self) -> None:
        """End the connection."""


def open_link(connection: Connection, on_frame: OnFrame, on_lost: OnLost) -> Link:
    """Open a link; frames, and the end of the connection, arrive on a thread of its own."""
    # gRPC takes long to import; a library that nobody calls yet goes without.
    from seer_rpc.client.grpc_link import GrpcLink

    return GrpcLink(connection, on_frame, on_lost)
