"""Channels: frames between two processes of one host, large segments in shared memory."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable

from seer_runtime.wire.blocks import BlockPool
from seer_runtime.wire.frames import Frame, Kind, encode_frame, pack_numbers
from seer_runtime.wire.sharing import SharedMemory
from seer_runtime.wire.sockets import FrameSocket


class Peer:
    """The memory that is shared with one peer, over however many sockets."""

    def __init__(self, pool: BlockPool, on_unused: Callable[[], None] = lambda: None) -> None:
        """Lend blocks from `pool`.

        What nothing here looks at any more is released with the next frame. `on_unused` hears
        that there is something to release: in a finalizer, wherever that runs.
        """
        self.pool = pool
        self.memory = SharedMemory(pool, self._release)
        self._on_unused = on_unused
        self._unused: deque[int] = deque()

    def releases(self) -> bytes:
        """Give the body of a RELEASE frame; empty where there is nothing to release."""
        if not self._unused:
            return b""
        unused: list[int] = []
        # Several threads may send at once: what one takes another one misses.
        with contextlib.suppress(IndexError):
            while self._unused:
                unused.append(self._unused.popleft())
        return pack_numbers(unused)

    def _release(self, number: int) -> None:
        self._unused.append(number)
        self._on_unused()


class Channel:
    """One socket of a peer. Any thread may send; one reads."""

    def __init__(self, socket: FrameSocket, peer: Peer) -> None:
        """Take over the socket."""
        self.socket = socket
        self.peer = peer
        self.is_used = False
        """Whether somebody sees to its end."""
        self._sending = threading.Lock()

    def read(self) -> Frame | None:
        """Give the next frame where one has arrived whole. Raises what `FrameSocket.read` does."""
        while (frame := self.socket.read()) is not None:
            if frame.kind is not Kind.RELEASE:
                return self.peer.memory.resolve(frame, self.socket.descriptors)
            self.peer.memory.released(frame.body)
        return None

    def receive(self) -> Frame:
        """Wait for the next frame. Raises what `FrameSocket.receive` does."""
        while (frame := self.socket.receive()).kind is Kind.RELEASE:
            self.peer.memory.released(frame.body)
        return self.peer.memory.resolve(frame, self.socket.descriptors)

    def send(self, frame: Frame, patience: Callable[[], bool] = lambda: True) -> None:
        """Send a frame; what it has in blocks is lent to the peer.

        Raises:
            OSError: it could not be sent whole; the channel is of no more use.
        """
        with self._sending:
            frame, descriptors = self.peer.memory.announce(frame)
            data = encode_frame(frame)
            if body := self.peer.releases():
                data = encode_frame(Frame(Kind.RELEASE, body=body)) + data
            self.socket.send_bytes(data, descriptors, patience)
