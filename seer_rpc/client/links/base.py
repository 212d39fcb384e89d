"""What all links do alike: frames out through an outbox, frames in put together again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from seer_rpc.client.links.incoming import Memory
from seer_rpc.client.links.outbox import Outbox
from seer_runtime.wire.frames import CallKey, Frame

if TYPE_CHECKING:
    from seer_rpc.client.links import OnFrame, OnLost


class OutboxLink:
    """A link whose frames wait in an outbox for the thread that sends them."""

    def __init__(self, memory: Memory, on_frame: OnFrame, on_lost: OnLost) -> None:
        """Large results land in `memory`; tell what arrives and how it ends."""
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._incoming = memory.incoming()
        self._outbox = Outbox()
        self._closed = False
        self._ended = threading.Event()

    def send(self, frame: Frame) -> None:
        """Send a frame; does not wait."""
        self._outbox.put(frame)

    def drop(self, key: CallKey) -> None:
        """Send no more of the large arguments of a call."""
        self._outbox.drop(key)

    def close(self) -> None:
        """End the connection, once what was sent has left."""
        self._closed = True
        self._outbox.close()

    def wait(self, seconds: float) -> None:
        """Wait for the end of a connection that was closed, no longer than so many seconds."""
        self._ended.wait(seconds)

    def _take(self, arrived: Frame) -> None:
        frame = self._incoming.take(arrived)
        if frame is not None:
            self._on_frame(frame)
