"""The courier: the thread that heeds the front's requests and lets clients in meanwhile."""

from __future__ import annotations

import hmac
import os
import select
import socket
import struct
import threading
import time
import traceback

from seer_runtime.endings import given_up
from seer_runtime.wire.channels import Peer
from seer_runtime.wire.frames import NO_SESSION, Frame, FrameError, Kind, unpack_numbers
from seer_runtime.wire.openings import proof_of
from seer_runtime.wire.sockets import FrameSocket
from seer_runtime.worker.connections import Direct, Home
from seer_runtime.worker.inbox import Inbox
from seer_runtime.worker.running import RunningCalls
from seer_runtime.worker.sessions import Sessions

_CREDENTIALS = struct.Struct("3i")
_HANDSHAKE = 1.0
"""Seconds that a client gets to say who it is."""

_MOST_STRANGERS = 32
_MOST_GUESTS = 1000


class Courier:
    """Serves the front's requests and lets clients in; the calls are for the main thread."""

    def __init__(
        self,
        requests: FrameSocket,
        listening: socket.socket,
        home: Home,
        inbox: Inbox,
        sessions: Sessions,
        running: RunningCalls,
    ) -> None:
        """Take requests from `requests`, and clients that come to `listening`, from now on."""
        self._requests = requests
        self._listening = listening
        self._home = home
        self._inbox = inbox
        self._sessions = sessions
        self._running = running
        self._strangers: dict[int, tuple[FrameSocket, float]] = {}
        self._secret = b""
        self._poll = select.poll()
        listening.setblocking(False)

    def start(self, secret: bytes) -> None:
        """Begin, on a thread of its own; `secret` is what invitations are made with."""
        self._secret = secret
        self._poll.register(self._requests.fileno(), select.POLLIN)
        self._poll.register(self._listening.fileno(), select.POLLIN)
        threading.Thread(target=self._run, name="seer-courier", daemon=True).start()

    def _run(self) -> None:
        try:
            while True:
                ready = self._poll.poll(_HANDSHAKE * 1000 if self._strangers else None)
                for descriptor, _ in ready:
                    if descriptor == self._requests.fileno():
                        self._heed()
                    elif descriptor == self._listening.fileno():
                        self._open()
                    elif descriptor in self._strangers:
                        self._listen(descriptor)
                self._turn_away_the_silent()
        except EOFError:
            # The front is gone, and the main thread hears it too.
            return

    def _heed(self) -> None:
        while (request := self._requests.read()) is not None:
            try:
                self._do(request)
            except Exception:  # noqa: BLE001 - everything else depends on this thread
                traceback.print_exc()

    def _do(self, request: Frame) -> None:
        """Do what the front asks for."""
        if request.kind is Kind.CLOSE:
            self._sessions.forget(request.session)
        elif request.kind is Kind.RELEASE:
            self._peer(request.session).memory.released(request.body)
        elif request.kind is Kind.FREE:
            numbers = unpack_numbers(request.body)
            self._sessions.of(request.session).references.free(numbers)
        elif request.kind is Kind.DRAIN:
            self._running.drain()
        elif not self._running.steer(request):
            self._refuse(request)

    def _peer(self, session: bytes) -> Peer:
        return self._home.peer if session == NO_SESSION else self._sessions.of(session).peer

    def _refuse(self, request: Frame) -> None:
        """Answer for a call that has not begun; the front drops it for one that has ended."""
        body = given_up(request.timeout).SerializeToString()
        self._requests.send(request._replace(kind=Kind.ERROR, body=body))

    def _open(self) -> None:
        try:
            connection, _ = self._listening.accept()
        except OSError:
            return
        if _user(connection) != os.getuid() or len(self._strangers) >= _MOST_STRANGERS:
            connection.close()
            return
        stranger = FrameSocket(connection)
        self._strangers[stranger.fileno()] = stranger, time.monotonic()
        self._poll.register(stranger.fileno(), select.POLLIN)

    def _listen(self, descriptor: int) -> None:
        stranger, _ = self._strangers[descriptor]
        try:
            hello = stranger.read()
            if hello is None:
                return
            self._leave(descriptor)
            if hello.kind is Kind.HELLO and self._is_invited(hello) and self._has_room():
                session = self._sessions.open(hello.session)
                session.meet(hello.seq)
                stranger.send(Frame(Kind.WELCOME, hello.session, session.last))
                # From now on it is the main thread that closes it.
                self._inbox.add(Direct(stranger, hello.session, session, self._home))
                return
        except (EOFError, FrameError, OSError):
            self._leave(descriptor)
        stranger.close()

    def _is_invited(self, hello: Frame) -> bool:
        proof = proof_of(self._secret, hello.session)
        return hmac.compare_digest(bytes(hello.body), proof)

    def _has_room(self) -> bool:
        return len(self._inbox) < _MOST_GUESTS

    def _turn_away_the_silent(self) -> None:
        now = time.monotonic()
        for descriptor, (stranger, since) in list(self._strangers.items()):
            if now - since > _HANDSHAKE:
                self._leave(descriptor)
                stranger.close()

    def _leave(self, descriptor: int) -> None:
        if self._strangers.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)


def _user(connection: socket.socket) -> int:
    """Give the user at the other end, as the kernel knows it."""
    content = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(content)[1])
