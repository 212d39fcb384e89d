"""Connections of clients, over whatever carries messages, and the sessions that outlive them."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from functools import partial

from seer_runtime.endings import DRAINING, gone
from seer_runtime.front.failure import FailureError
from seer_runtime.front.interface import ServedInterface
from seer_runtime.front.journal import FrontJournal
from seer_runtime.front.session import Session
from seer_runtime.wire.blocks import BlockPool
from seer_runtime.wire.frames import NO_SESSION, Elsewhere, Frame, FrameError, Kind, decode_frame
from seer_runtime.wire.pb.runtime_pb2 import Failure
from seer_runtime.wire.replies import error_reply
from seer_runtime.wire.sharing import blocks_of
from seer_runtime.wire.transfers import Incoming, Outgoing, Place

_ALIVE_PERIOD = 1.0
"""Seconds between signs of life: a client that hears nothing for 2 s sends a ping."""


class Sessions:
    """The sessions of a sandbox by their ids."""

    def __init__(
        self, find: Callable[[str], ServedInterface], memory: BlockPool, journal: FrontJournal
    ) -> None:
        """Look interfaces up with `find`; large arguments lie in `memory`."""
        self.memory = memory
        self._journal = journal
        self._find = find
        self._sessions: dict[bytes, Session] = {}
        self._is_draining = False
        self._last_end = time.monotonic()

    @property
    def last_use(self) -> float:
        """When the last session ended: now, while there are any."""
        return time.monotonic() if self._sessions else self._last_end

    def drain(self) -> None:
        """Open no more."""
        self._is_draining = True

    def dismiss(self, reason: str) -> None:
        """Tell clients elsewhere why the sandbox ends."""
        for session in self._sessions.values():
            session.dismiss(gone(reason))

    async def open(self, frame: Frame, is_on_this_host: bool) -> Session:
        """Give the session that an OPEN frame asks for, which may be a new one.

        Raises:
            FailureError: it is over, or there is no such interface.
        """
        found = self._sessions.get(frame.session)
        if found is not None:
            return found
        if self._is_draining:
            raise FailureError(DRAINING)
        if frame.session != NO_SESSION and not frame.epoch:
            raise FailureError(_OVER)
        number = secrets.token_bytes(16) if frame.session == NO_SESSION else frame.session
        session = Session(number, self._find, self.memory, self._journal, is_on_this_host)
        await session.open(frame)
        # Another client may have opened one of this name meanwhile.
        kept = self._sessions.setdefault(number, session)
        if kept is not session:
            session.abandon()
        return kept

    def end(self, session: Session) -> None:
        """End one and its calls."""
        if self._sessions.pop(session.id, None) is not None:
            self._last_end = time.monotonic()
            session.close()

    def keep(self, answer: Frame) -> None:
        """Keep an answer that a client did not take where it was made for it."""
        session = self._sessions.get(answer.session)
        if session is not None:
            session.keep(answer)


class Client:
    """One connection: takes messages, and gives those to send."""

    def __init__(self, sessions: Sessions, is_on_this_host: bool) -> None:
        """Open and resume sessions in `sessions`."""
        self._sessions = sessions
        self._is_on_this_host = is_on_this_host
        self._session: Session | None = None
        self._incoming = Incoming(self._allocate)
        self._outgoing = Outgoing()
        self._has_more = asyncio.Event()
        self._is_over = False
        self._requests: asyncio.Queue[Frame] = asyncio.Queue()
        self._heeding = asyncio.create_task(self._heed())
        self._heeding.add_done_callback(lambda _: self.end())
        # Bound once: what attaches must be what detaches.
        self._reply = self._send

    def take(self, message: bytes) -> None:
        """Take a message.

        Raises:
            FrameError: it breaks the protocol.
        """
        arrived = decode_frame(message)
        if arrived.kind in (Kind.CALL, Kind.CANCEL):
            # A call that is sent again begins again.
            half = self._incoming.drop(arrived.key)
            if half is not None:
                self._sessions.memory.give_back(blocks_of(half))
        frame = self._incoming.take(arrived)
        if frame is None:
            return
        self._requests.put_nowait(frame)

    async def message(self) -> bytes | None:
        """Give the next message to send, or None once the connection is to end."""
        while (message := self._outgoing.pop()) is None:
            if self._is_over:
                return None
            self._has_more.clear()
            await self._has_more.wait()
        return message

    async def show_life(self) -> None:
        """Say again and again that the connection works.

        The pings of a client that sends a large value over a slow line wait behind it for too
        long; whatever arrives meanwhile keeps it from giving up the connection.
        """
        while True:
            await asyncio.sleep(_ALIVE_PERIOD)
            self._send(Frame(Kind.ALIVE))

    def end(self) -> None:
        """Send what there is and no more."""
        self._is_over = True
        self._has_more.set()

    def close(self) -> FrameError | None:
        """Let go of the connection; gives what the client did wrong, if that was the reason."""
        for frame in self._incoming.abandoned():
            self._sessions.memory.give_back(blocks_of(frame))
        self._drop_requests()
        # Answers may have come since; their memory is somebody's.
        self._outgoing.clear()
        session = self._session
        if session is not None:
            session.detach(self._reply, partial(self._sessions.end, session))
        if not self._heeding.done():
            self._heeding.cancel()
        elif not self._heeding.cancelled():
            error = self._heeding.exception()
            if isinstance(error, FrameError):
                return error
        return None

    def _drop_requests(self) -> None:
        """Forget what was not heeded yet, but for the client's last word."""
        while not self._requests.empty():
            frame = self._requests.get_nowait()
            self._sessions.memory.give_back(blocks_of(frame))
            session = self._session
            if frame.kind is Kind.CLOSE and session is not None and frame.session == session.id:
                self._sessions.end(session)
                self._session = None

    async def _heed(self) -> None:
        """Do what frames ask for, one after the other."""
        while True:
            frame = await self._requests.get()
            if frame.kind is Kind.OPEN:
                await self._open(frame)
            elif self._session is None or frame.session != self._session.id:
                raise FrameError(f"a {frame.kind.name} frame of no session that is open here")
            elif frame.kind is Kind.CLOSE:
                self._sessions.end(self._session)
                self._session = None
                # Whoever closes a session takes nothing more of it.
                self._outgoing.clear()
                return
            else:
                await self._session.receive(frame)

    async def _open(self, frame: Frame) -> None:
        try:
            session = await self._sessions.open(frame, self._is_on_this_host)
            session.attach(frame, self._reply, self.end)
        except FailureError as error:
            self._send(error_reply(frame, error.failure, 0))
            return
        self._session = session
        self._send(session.opened())

    def _send(self, frame: Frame) -> None:
        self._outgoing.put(frame)
        self._has_more.set()

    def _allocate(self, frame: Frame, size: int) -> Place:
        if frame.kind is not Kind.CALL:
            raise FrameError(f"a {frame.kind.name} frame with memory")
        block = self._sessions.memory.take(size, fill=False)
        return Place(memoryview(block.memory)[:size], Elsewhere(size, block.number))


_OVER = Failure(
    kind=Failure.SESSION_OVER,
    message="the session is over: nobody used it for too long, or it was closed",
    hint="open another session",
)
