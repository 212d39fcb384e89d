"""Frames that wait to be sent, and the thread that sends them."""

from __future__ import annotations

import queue
from collections.abc import Iterator

from seer_runtime.wire.frames import CallKey, Frame
from seer_runtime.wire.transfers import Outgoing


class Outbox:
    """Takes frames from any thread, finalizers included; gives messages to one.

    Iterate it for the messages; the iteration waits for more, until `close`.
    """

    def __init__(self) -> None:
        """Begin with none."""
        # A put may interrupt a put on the same thread.
        self._frames: queue.SimpleQueue[Frame | CallKey | None] = queue.SimpleQueue()
        self._outgoing = Outgoing()

    def put(self, frame: Frame) -> None:
        """Take a frame."""
        self._frames.put(frame)

    def drop(self, key: CallKey) -> None:
        """Send no more of the large frames of a call."""
        self._frames.put(key)

    def close(self) -> None:
        """End the iteration."""
        self._frames.put(None)

    def __iter__(self) -> Iterator[bytes]:
        """Give the messages."""
        while True:
            try:
                frame = self._frames.get(block=not self._outgoing)
            except queue.Empty:
                message = self._outgoing.pop()
                if message is not None:
                    yield message
                continue
            if frame is None:
                # What says that the session is over may be among them.
                while (message := self._outgoing.pop_small()) is not None:
                    yield message
                return
            if isinstance(frame, Frame):
                self._outgoing.put(frame)
            else:
                self._outgoing.drop(frame)
