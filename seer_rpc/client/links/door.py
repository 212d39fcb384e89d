"""A link through the door of a front on this host: a plain unix-domain socket."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from seer_rpc.client.connection import Connection
from seer_rpc.client.links.base import OutboxLink
from seer_rpc.client.links.incoming import Memory
from seer_rpc.client.links.loss import START_AGAIN, refused, vanished
from seer_rpc.errors import SeerError, SessionError
from seer_runtime.wire.files import connect_plain
from seer_runtime.wire.frames import Frame, FrameError, Kind
from seer_runtime.wire.limits import DOOR
from seer_runtime.wire.sockets import FrameSocket

if TYPE_CHECKING:
    from seer_rpc.client.links import OnFrame, OnLost

_HANDSHAKE = 5.0
"""Seconds in which the front answers whether the token is good."""


def find_door(connection: Connection) -> Path | None:
    """Give the door of the runtime, where it is on this host."""
    if not connection.is_local:
        return None
    door = Path(connection.endpoint.removeprefix("unix:")).with_name(DOOR)
    return door if door.exists() else None


class DoorLink(OutboxLink):
    """Sends from one thread and receives on another."""

    def __init__(
        self,
        door: Path,
        connection: Connection,
        memory: Memory,
        on_frame: OnFrame,
        on_lost: OnLost,
    ) -> None:
        """Connect. What fails is told through `on_lost`."""
        super().__init__(memory, on_frame, on_lost)
        self._endpoint = connection.endpoint
        connected = socket.socket(socket.AF_UNIX)
        self._socket = FrameSocket(connected)
        try:
            connect_plain(connected, str(door))
        except OSError:
            self._socket.close()
            threading.Thread(target=self._lose, name="seer-link", daemon=True).start()
            return
        threading.Thread(
            target=self._run, args=(connection.token,), name="seer-link", daemon=True
        ).start()

    def abort(self) -> None:
        """End the connection at once."""
        self.close()
        self._socket.abort()

    def _lose(self) -> None:
        self._ended.set()
        self._on_lost(vanished("nobody answers at its socket", self._endpoint))

    def _run(self, token: str) -> None:
        error: SeerError | None = None
        with contextlib.suppress(EOFError, OSError):
            error = self._talk(token)
        self._outbox.close()
        self._socket.close()
        self._ended.set()
        if not self._closed:
            self._on_lost(error or vanished("the connection broke", self._endpoint))

    def _talk(self, token: str) -> SeerError:
        """Take what arrives; gives what the front would not have. Raises where it is gone."""
        self._socket.send(Frame(Kind.HELLO, body=token.encode("utf-8", "surrogateescape")))
        if not self._is_welcome():
            return refused("it is not known there")
        threading.Thread(target=self._send, name="seer-outbox", daemon=True).start()
        return self._receive()

    def _is_welcome(self) -> bool:
        with contextlib.suppress(EOFError):
            while self._socket.wait(_HANDSHAKE):
                frame = self._socket.read()
                if frame is not None:
                    return frame.kind is Kind.WELCOME
        return False

    def _receive(self) -> SeerError:
        try:
            while True:
                self._take(self._socket.receive())
        except FrameError as error:
            return SessionError(f"the sandbox broke the protocol: {error}", hint=START_AGAIN)

    def _send(self) -> None:
        # What receives notices how it ends.
        try:
            for message in self._outbox:
                self._socket.send_bytes(message)
            # A front that could not write any more would not read the last word either.
            self._socket.end_sending()
        except OSError:
            self._socket.abort()
