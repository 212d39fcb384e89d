"""Channels: frames between two processes of one host, large segments in shared memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from seer_runtime.wire.blocks import BlockPool, SharedMemory, release_body
from seer_runtime.wire.frames import Frame, Kind
from seer_runtime.wire.sockets import FrameSocket


class Peer:
    """The memory that is shared with one peer, over however many sockets."""

    def __init__(self, pool: BlockPool, release: Callable[[int], None] | None = None) -> None:
        """Lend blocks from `pool`.

        `release` tells the peer that nothing here looks at a block of its own any more; without
        it, that is said before the next frame.
        """
        self.pool = pool
        self.unused: deque[int] = deque()
        """Blocks of the peer's whose release is to be said."""
        self.memory = SharedMemory(pool, release or self.unused.append)


class Channel:
    """One socket of a peer. Any thread may send; one reads."""

    def __init__(self, socket: FrameSocket, peer: Peer) -> None:
        """Take over the socket."""
        self.socket = socket
        self.peer = peer
        self._sending = threading.Lock()

    def read(self) -> Frame | None:
        """Give the next frame where one has arrived whole. Raises what `FrameSocket.read` does."""
        while (frame := self.socket.read()) is not None:
            if frame.kind is not Kind.RELEASE:
                return self.peer.memory.resolve(frame, self.socket.descriptors)
            self.peer.memory.released(frame.body)
        return None

    def receive(self) -> Frame:
        """Wait for the next frame. Raises what `read` raises."""
        while (frame := self.read()) is None:
            self.socket.wait()
        return frame

    def send(self, frame: Frame, patience: Callable[[], bool] = lambda: True) -> None:
        """Send a frame; what it has in blocks is lent to the peer.

        Raises:
            OSError: it could not be sent whole; the channel is of no more use.
        """
        with self._sending:
            self._release(patience)
            frame, descriptors = self.peer.memory.announce(frame)
            self.socket.send(frame, descriptors, patience)

    def _release(self, patience: Callable[[], bool]) -> None:
        unused = self.peer.unused
        if unused:
            numbers = [unused.popleft() for _ in range(len(unused))]
            self.socket.send(Frame(Kind.RELEASE, body=release_body(numbers)), (), patience)
