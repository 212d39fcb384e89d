"""Where calls come from and their answers go: the front, or a client on this host itself."""

from __future__ import annotations

import threading
from collections.abc import Callable

from seer_runtime.wire.channels import Channel
from seer_runtime.wire.frames import HERE, Elsewhere, Frame, Kind, segment_size
from seer_runtime.wire.pb.runtime_pb2 import Failure
from seer_runtime.wire.replies import error_reply
from seer_runtime.wire.sharing import blocks_of
from seer_runtime.wire.sockets import FrameSocket
from seer_runtime.worker.sessions import Session

_LAST = (Kind.RESULT, Kind.ERROR, Kind.END)

_PATIENCE = 20
"""Looks, 50 ms apart, at a client that does not read."""


_RESULT_LOST = Failure(
    kind=Failure.SESSION_OVER,
    effect=Failure.FINISHED,
    message="the call has run; its result went to an earlier client of the session, and is gone",
    hint="call again, if it may run a second time",
)


class Home(Channel):
    """The channel to the front. Every answer that finds no other way goes there."""

    def answer(self, frame: Frame, patience: Callable[[], bool] | None = None) -> None:
        """Send an answer. Where the front is gone, so is whoever waits for it."""
        self.send(self.peer.pool.place(frame))

    def carry(self, call: Frame) -> tuple[int, int]:
        """Take a call that begins; gives what is known of the answers that its client has."""
        return call.ack, 0

    def recall(self, seq: int = 0) -> bool:
        """Have the answer of a call go home: it does in any case."""
        return True


class Direct(Channel):
    """A channel to a client on this host, which has one call at a time on its way here."""

    def __init__(self, socket: FrameSocket, number: bytes, session: Session, home: Home) -> None:
        """Serve the session of this number; `home` takes what the client does not."""
        super().__init__(socket, session.peer)
        self.session = session
        self._number = number
        self._client = session.client
        self._home = home
        self._seq = 0
        """The number of the newest call that began."""
        self._last: Frame | None = None
        self._has_items = False
        self._is_broken = False
        self._answering = threading.Lock()

    def carry(self, call: Frame) -> tuple[int, int]:
        """Take a call that begins; gives what is known of the answers that its client has."""
        # Who calls again has the answer to what it called before.
        taken, self._seq = self._seq, call.seq
        self._last, self._has_items = None, False
        return self.session.acked, taken

    def answer(self, frame: Frame, patience: Callable[[], bool] | None = None) -> None:
        """Send an answer; one that the client does not take goes home."""
        frame = self.peer.pool.place(frame)
        with self._answering:
            if not self._is_broken:
                try:
                    self.send(frame, patience or _Patience())
                    if frame.kind in _LAST:
                        self._last = frame
                    elif frame.kind is Kind.ITEMS:
                        self._has_items = True
                    return
                except OSError:
                    self._is_broken = True
                    self.socket.abort()
                    self.peer.memory.take_back(frame)
            self._send_home(frame)

    def recall(self, seq: int = 0) -> bool:
        """Have the answer of a call go home, at once or when there is one; of any without `seq`.

        False where the client had it: it has called again.
        """
        if seq not in (0, self._seq):
            return False
        self._stop()
        with self._answering:
            self._bring_home()
        return True

    def end(self) -> None:
        """Close it. The last answer goes home, unless it is known that the client has it."""
        self._stop()
        with self._answering:
            self._bring_home()
        self.socket.close()

    def _stop(self) -> None:
        """Send nothing more. Whoever is sending to a client that does not read stops at that."""
        self._is_broken = True
        self.socket.abort()

    def _bring_home(self) -> None:
        last, self._last = self._last, None
        if last is None or last.seq <= self.session.acked:
            return
        # One without shared memory is whole in any case.
        if blocks_of(last) and not self.peer.memory.take_back(last):
            last = lost_answer(last)
        self._send_home(last)

    def _send_home(self, frame: Frame) -> None:
        if frame.kind is Kind.END and self._has_items:
            frame = lost_answer(frame)
        try:
            self._home.send(frame)
        except LookupError:
            # Its memory went with the session: nobody waits for it.
            self._home.send(frame._replace(segments=()))

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


def lost_answer(frame: Frame) -> Frame:
    """Answer a call that has run and whose result is gone; `frame` is about that call."""
    return error_reply(frame, _RESULT_LOST)


class Call:
    """A call, and where its answer goes."""

    def __init__(self, frame: Frame, connection: Home | Direct) -> None:
        """Take the frame that asks for it."""
        self.frame = frame
        self.connection = connection
        self.key = frame.key
        self.given_up: Failure.Kind.ValueType | None = None
        """CANCELLED or DEADLINE, where it was given up before it began."""

    def let_go(self) -> None:
        """Let go of the memory of the arguments: the function alone decides how long they live."""
        if self.frame.segments:
            sizes = [Elsewhere(segment_size(each), HERE) for each in self.frame.segments]
            self.frame = self.frame._replace(segments=sizes)
