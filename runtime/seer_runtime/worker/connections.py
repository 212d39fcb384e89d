"""Where calls come from and their answers go: the front, or a client on this host itself."""

from __future__ import annotations

from collections.abc import Callable

from seer_runtime.wire.channels import Channel
from seer_runtime.wire.frames import HERE, Elsewhere, Frame, Kind, segment_size
from seer_runtime.wire.sharing import blocks_of
from seer_runtime.wire.sockets import FrameSocket
from seer_runtime.worker.sessions import Session

_LAST = (Kind.RESULT, Kind.ERROR, Kind.END)

_PATIENCE = 20
"""Looks, 50 ms apart, at a client that does not read."""


class Home(Channel):
    """The channel to the front. Every answer that finds no other way goes there."""

    def answer(self, frame: Frame, patience: Callable[[], bool] | None = None) -> None:
        """Send an answer. Where the front is gone, so is whoever waits for it."""
        self.send(self.peer.pool.place(frame))


class Direct(Channel):
    """A channel to a client on this host, which has one call at a time on its way here."""

    def __init__(self, socket: FrameSocket, number: bytes, session: Session, home: Home) -> None:
        """Serve the session of this number; `home` takes what the client does not."""
        super().__init__(socket, session.peer)
        self.session = session
        self._number = number
        self._client = session.client
        self._home = home
        self._last: Frame | None = None
        self._is_broken = False

    def answer(self, frame: Frame, patience: Callable[[], bool] | None = None) -> None:
        """Send an answer; one that the client does not take goes home."""
        frame = self.peer.pool.place(frame)
        if not self._is_broken:
            try:
                self.send(frame, patience or _Patience())
                if frame.kind in _LAST:
                    self._last = frame
                return
            except OSError:
                self._is_broken = True
                self.socket.abort()
                self.peer.memory.take_back(frame)
        try:
            self._home.send(frame)
        except LookupError:
            # Its memory went with the session: nobody waits for it.
            self._home.send(frame._replace(segments=()))

    def end(self) -> None:
        """Close it. The last answer goes home, unless it is known that the client has it."""
        last, self._last = self._last, None
        is_open = last is not None and last.seq > self.session.acked and not self._is_broken
        # One without shared memory is whole in any case.
        if (
            last is not None
            and is_open
            and (not blocks_of(last) or self.peer.memory.take_back(last))
        ):
            self._home.send(last)
        self._is_broken = True
        self.socket.close()

    def is_asked(self, frame: Frame) -> bool:
        """Tell whether a frame is a call of the session that was let in."""
        return frame.kind is Kind.CALL and frame.session == self._number

    @property
    def is_superseded(self) -> bool:
        """Whether its session is over, or another client's now."""
        return self.session.is_over or self.session.client != self._client


class _Patience:
    """Waits a while for a client that is stopped, say: others wait for the thread that answers."""

    def __init__(self) -> None:
        self._looks = 0

    def __call__(self) -> bool:
        self._looks += 1
        return self._looks < _PATIENCE


class Call:
    """A call, and where its answer goes."""

    def __init__(self, frame: Frame, connection: Home | Direct) -> None:
        """Take the frame that asks for it."""
        self.frame = frame
        self.connection = connection
        self.key = frame.key

    def let_go(self) -> None:
        """Let go of the memory of the arguments: the function alone decides how long they live."""
        if self.frame.segments:
            sizes = [Elsewhere(segment_size(each), HERE) for each in self.frame.segments]
            self.frame = self.frame._replace(segments=sizes)
