"""Frames over a unix-domain socket, with descriptors beside them."""

from __future__ import annotations

import array
import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence

from seer_runtime.wire.frames import (
    HEADER,
    Buffer,
    Frame,
    FrameError,
    decode_frame,
    decode_rest,
    encode_frame,
    parse_header,
)

_READ = 64 << 10
_DESCRIPTORS = 253
"""As many as one message carries: SCM_MAX_FD of the kernel."""
_ROOM = socket.CMSG_SPACE(_DESCRIPTORS * array.array("i").itemsize)
_LOOK = 0.05
# Plain numbers: flags of the socket module's own class are slow to combine.
_SEND = int(socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
_RECEIVE = int(socket.MSG_CMSG_CLOEXEC)
_LOOK_ONLY = int(socket.MSG_CMSG_CLOEXEC | socket.MSG_DONTWAIT)


class FrameSocket:
    """Sends and receives whole frames. Only `receive`, `wait` and `send` wait for the peer."""

    def __init__(self, connection: socket.socket) -> None:
        """Take over the socket."""
        connection.setblocking(True)
        self._socket = connection
        self._number = connection.fileno()
        self._poll = select.poll()
        self._poll.register(self._number, select.POLLIN)
        self._arrived = bytearray()
        self.descriptors: deque[int] = deque()
        """What came along with frames, in order."""

    @property
    def has_more(self) -> bool:
        """Whether something has been read that is not taken yet."""
        return bool(self._arrived)

    def fileno(self) -> int:
        """Give the descriptor, which becomes readable when something arrives."""
        return self._number

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until there is something to read; False where there is not."""
        return bool(self._poll.poll(None if seconds is None else seconds * 1000))

    def spin(self, seconds: float) -> bool:
        """Wait as `wait` does, without going to sleep: to wake up costs more than a short call."""
        poll, clock, give_way = self._poll.poll, time.perf_counter, os.sched_yield
        end = clock() + seconds
        while not poll(0):
            if clock() > end:
                return False
            # The peer may be waiting for this very processor.
            give_way()
        return True

    def read(self) -> Frame | None:
        """Give the next frame where one has arrived whole.

        Raises:
            EOFError: the peer is gone.
            FrameError: what it sent is no frame.
        """
        if self._arrived:
            frame = self._take()
            if frame is not None:
                return frame
        data = self._pull(_LOOK_ONLY)
        return None if data is None else self._add(data)

    def receive(self) -> Frame:
        """Wait for the next frame, however long it takes. Raises what `read` raises."""
        frame = self._take() if self._arrived else None
        while frame is None:
            data = self._pull(_RECEIVE)
            frame = None if data is None else self._add(data)
        return frame

    def _add(self, data: bytes) -> Frame | None:
        """Take what arrived; gives the next frame where it is whole."""
        if not self._arrived and len(data) >= HEADER.size:
            frame = decode_rest(parse_header(data), data)
            if frame is not None:
                return frame
        self._arrived += data
        return self._take()

    def send(
        self,
        frame: Frame,
        descriptors: Sequence[int] = (),
        patience: Callable[[], bool] = lambda: True,
    ) -> None:
        """Send a frame, as long as `patience` says so; it is asked now and then.

        Raises:
            OSError: it could not be sent whole; nothing more can be sent then.
        """
        self.send_bytes(encode_frame(frame), descriptors, patience)

    def send_bytes(
        self,
        data: Buffer,
        descriptors: Sequence[int] = (),
        patience: Callable[[], bool] = lambda: True,
    ) -> None:
        """Send the bytes of a frame. Raises what `send` raises."""
        sent = self.send_some(data, descriptors)
        if sent == len(data):
            return
        view = memoryview(data)
        writable = select.poll()
        writable.register(self._number, select.POLLOUT)
        while sent < len(data):
            if not writable.poll(_LOOK * 1000) and not patience():
                raise TimeoutError("the peer does not read")
            # Descriptors go with the first byte.
            sent += self.send_some(view[sent:], () if sent else descriptors)

    def send_some(self, data: Buffer, descriptors: Sequence[int] = ()) -> int:
        """Send what there is room for; gives how much that was. Raises what `send` raises."""
        try:
            if descriptors:
                return socket.send_fds(self._socket, [data], list(descriptors), _SEND)
            return self._socket.send(data, _SEND)
        except BlockingIOError:
            return 0

    def end_sending(self) -> None:
        """Tell the peer that nothing more comes."""
        self._socket.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        """End it in both directions, for whoever uses it on another thread too."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def close(self) -> None:
        """Close it, and what came along and was not taken."""
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors.clear()
        self._socket.close()

    def _pull(self, flags: int) -> bytes | None:
        try:
            data, ancillary, _, _ = self._socket.recvmsg(_READ, _ROOM, flags)
        except BlockingIOError:
            return None
        except ConnectionError as error:
            raise EOFError(str(error)) from None
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                numbers = array.array("i")
                numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
                self.descriptors.extend(numbers)
        if len(self.descriptors) > 2 * _DESCRIPTORS:
            raise FrameError("descriptors that no frame speaks of")
        if not data:
            raise EOFError("the peer is gone")
        return data

    def _take(self) -> Frame | None:
        """Give the next whole frame of what has arrived."""
        if len(self._arrived) < HEADER.size:
            return None
        size = HEADER.size + parse_header(self._arrived).rest_length
        if len(self._arrived) < size:
            return None
        if len(self._arrived) == size:
            data, self._arrived = self._arrived, bytearray()
        else:
            data = self._arrived[:size]
            del self._arrived[:size]
        return decode_frame(data)
