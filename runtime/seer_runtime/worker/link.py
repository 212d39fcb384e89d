"""The worker's end of a socket to the front: whole frames, read by one thread."""

from __future__ import annotations

import socket
import threading

from seer_runtime.wire.frames import HEADER, Frame, decode_frame, encode_frame, parse_header


class FrontLink:
    """Sends and receives frames, blocking."""

    def __init__(self, connection: socket.socket) -> None:
        """Take over the socket."""
        self._connection = connection
        self._sending = threading.Lock()

    def fileno(self) -> int:
        """Give the descriptor that becomes readable when a frame arrives."""
        return self._connection.fileno()

    def receive(self) -> Frame | None:
        """Give the next frame, or None where the front is gone."""
        header = self._read(HEADER.size)
        rest = self._read(parse_header(header).rest_length) if header is not None else None
        if header is None or rest is None:
            return None
        return decode_frame(header + rest)

    def send(self, frame: Frame) -> None:
        """Send a frame whole, from any thread."""
        data = encode_frame(frame)
        with self._sending:
            self._connection.sendall(data)

    def _read(self, size: int) -> bytearray | None:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            count = self._connection.recv_into(view)
            if count == 0:
                return None
            view = view[count:]
        return data
