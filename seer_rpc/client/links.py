"""Links: what carries a session's frames. One verb out, two events back."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Protocol, TypeAlias, cast

from seer_runtime.wire.frames import Frame

from seer_rpc.client.connection import Connection
from seer_rpc.errors import SeerError

OnFrame: TypeAlias = Callable[[Frame], None]
OnLost: TypeAlias = Callable[[SeerError], None]


class Link(Protocol):
    """One connection to a runtime."""

    def send(self, frame: Frame) -> None:
        """Send a frame; does not wait."""

    def close(self) -> None:
        """End the connection; `on_lost` is not called."""


class OpenLink(Protocol):
    """How a kind of link is opened."""

    def __call__(self, connection: Connection, on_frame: OnFrame, on_lost: OnLost) -> Link:
        """Connect; frames and the end of the connection arrive on a thread of the link's."""


def open_link(connection: Connection, on_frame: OnFrame, on_lost: OnLost) -> Link:
    """Open a link to the connection's endpoint.

    gRPC is imported here and not before, so that importing a library stays cheap.
    """
    opener = cast("OpenLink", import_module("seer_rpc.client.grpc_link").GrpcLink)
    return opener(connection, on_frame, on_lost)
