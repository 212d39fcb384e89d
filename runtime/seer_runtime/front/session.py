"""A client's session: its calls, and their answers until it has them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from seer_runtime.endings import given_up
from seer_runtime.front.calls import Reply
from seer_runtime.front.failure import FailureError
from seer_runtime.front.interface import ServedInterface
from seer_runtime.front.journal import FrontJournal
from seer_runtime.front.kept import KeptStreams, explained
from seer_runtime.front.unreceived import find_unreceived
from seer_runtime.wire.blocks import BlockPool
from seer_runtime.wire.frames import Frame, FrameError, Kind, unpack_numbers
from seer_runtime.wire.limits import WINDOW
from seer_runtime.wire.outline import outline
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema
from seer_runtime.wire.pb.runtime_pb2 import Failure
from seer_runtime.wire.replies import error_reply
from seer_runtime.wire.sharing import blocks_of

_ACKNOWLEDGING = (Kind.CALL, Kind.ACK, Kind.CANCEL)
"""Frames that say which answers have arrived."""


@dataclass
class _Answers:
    """What was answered to a call that the client has not acknowledged."""

    name: str = ""
    """The function, where that is known."""

    frames: list[Frame] = field(default_factory=list)
    progress: Frame | None = None
    """How far it was when it last said so."""

    is_behind: bool = False
    """Whether the client has returned and not asked again: what came before would be missing."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing more is to come."""
        return bool(self.frames) and self.frames[-1].kind is not Kind.ITEMS


class Session:
    """Routes one client's calls to the interface that it opened.

    A call is known by its number: one that is sent again gets the answers that there are, and
    never runs a second time. Answers are kept until the client acknowledges them, so a session
    outlives its connection by its lease.
    """

    def __init__(
        self,
        session: bytes,
        find: Callable[[str], ServedInterface],
        memory: BlockPool,
        journal: FrontJournal,
        is_on_this_host: bool,
    ) -> None:
        """Look interfaces up with `find`; on this host, invite to the worker itself.

        Large arguments of calls lie in `memory`. What is refused here goes into `journal`.
        """
        self.id = session
        self.lease = 0.0
        """Seconds that it outlives its connection."""
        self._find = find
        self._memory = memory
        self._journal = journal
        self._is_on_this_host = is_on_this_host
        self._name = ""
        self._schema_hash = ""
        self._interface: ServedInterface | None = None
        self._send: Reply | None = None
        self._replace: Callable[[], None] = _nothing
        self._client = b""
        self._attempt = 0
        self._acked = 0
        self._since = time.monotonic()
        self._epochs: dict[int, int] = {}
        """Of the workers that began what an earlier client made directly, and may ask for anew."""
        self._last = 0
        """The highest number of a call that has come."""
        self._answers: dict[int, _Answers] = {}
        self._kept = KeptStreams()
        self._received: set[int] = set()
        """Answers beyond those acknowledged of which a client said that it has them."""
        self._end: asyncio.TimerHandle | None = None

    def attach(self, opening: Frame, send: Reply, replace: Callable[[], None]) -> None:
        """Answer through `send` from now on, until another connection takes over: `replace`.

        A client that opens its session once more hears which of its calls have arrived.

        Raises:
            FailureError: the client has opened a newer one; this came late.
        """
        client = _client_of(opening)
        # The attempts of one client are numbered; another one may take over, and says so.
        if not opening.epoch and (client != self._client or opening.ack <= self._attempt):
            raise FailureError(_TAKEN_OVER)
        self._client, self._attempt = client, opening.ack
        if self._send not in (None, send):
            self._reply(Frame(Kind.ERROR, self.id, body=_TAKEN_OVER.SerializeToString()))
            self._replace()
        self._send, self._replace = send, replace
        for answers in self._answers.values():
            answers.is_behind = True
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def dismiss(self, failure: Failure) -> None:
        """Tell a client elsewhere that it need not come back: the sandbox ends.

        It hears which calls have come: later ones did not begin. One on this host reads all that.
        """
        if self._send is not None and not self._is_on_this_host:
            body = failure.SerializeToString()
            self._reply(Frame(Kind.ERROR, self.id, ack=max(self._acked, self._last), body=body))
            self._replace()

    def detach(self, send: Reply, expire: Callable[[], None]) -> None:
        """Go on without a connection, as long as the lease lasts; then `expire`."""
        if self._send is not send:
            # Another connection has taken over.
            return
        self._send = None
        self._end = asyncio.get_running_loop().call_later(self.lease, expire)

    def close(self) -> None:
        """End it, its calls included."""
        self._send = None
        if self._end is not None:
            self._end.cancel()
        self._answers.clear()
        if self._interface is not None:
            self._interface.on_loaded.discard(self._invite)
            self._interface.give_up_session(self.id)
            self._interface.steer(Frame(Kind.CLOSE, self.id))

    def abandon(self) -> None:
        """Let go of the interface: another one of this name was faster."""
        if self._interface is not None:
            self._interface.on_loaded.discard(self._invite)

    async def open(self, frame: Frame) -> None:
        """Attach to the interface that is served under the frame's name now.

        Raises:
            FailureError: there is none, or another one.
        """
        self._name = frame.name
        self._client = _client_of(frame)
        self._schema_hash = str(bytes(frame.body).partition(b"\n")[0], "ascii", "replace")
        self.lease = frame.timeout / 1000
        await self._attach()

    def opened(self) -> Frame:
        """Give the frame that says that the session is open."""
        interface = self._interface
        assert interface is not None
        opening = interface.opening(self.id, self._is_on_this_host)
        begun = interface.begun(self.id)
        unreceived = find_unreceived(begun, self._since)
        self._epochs = {seq: each.epoch for seq, each in unreceived.items()}
        pending = {
            **{
                seq: each.name
                for seq, each in unreceived.items()
                if seq > self._acked and seq not in self._received
            },
            **{seq: each.name for seq, each in self._answers.items()},
        }
        last = max([self._acked, *pending, *(call.seq for call, *_ in begun)])
        body = opening._replace(last=last, pending=sorted(pending.items())).encode()
        return Frame(Kind.OPENED, self.id, ack=self._acked, epoch=interface.epoch, body=body)

    async def receive(self, frame: Frame) -> None:
        """Do what a frame asks for.

        Raises:
            FrameError: it breaks the protocol.
        """
        self._acknowledge(frame.ack if frame.kind in _ACKNOWLEDGING else 0)
        if frame.seq in self._epochs:
            frame = frame._replace(epoch=self._epochs[frame.seq])
        match frame.kind:
            case Kind.CALL:
                await self._call(frame)
            case Kind.CANCEL:
                self._cancel(frame)
            case Kind.MORE:
                self._take_more(frame)
            case Kind.FREE if self._interface is not None:
                self._interface.steer(frame)
            case Kind.RELEASE if self._interface is not None:
                # Another worker's blocks have the same numbers.
                if frame.epoch == self._interface.epoch:
                    self._interface.steer(frame)
            case Kind.ACK:
                self._take_received(unpack_numbers(frame.body))
            case Kind.KEEP:
                self._keep(frame.seq)
            case _:
                raise FrameError(f"unexpected {frame.kind.name} frame")

    def keep(self, frame: Frame) -> None:
        """Take the answer of a call that the client made directly and did not wait for."""
        if frame.seq > self._acked and frame.seq not in self._received:
            answers = self._answers.setdefault(frame.seq, _Answers(frame.name))
            if not answers.is_whole:
                self._answer(frame)

    def _acknowledge(self, acked: int) -> None:
        if acked > self._acked:
            self._acked = acked
            self._kept.forget(acked)
            for seq in [seq for seq in self._answers if seq <= acked]:
                del self._answers[seq]

    def _keep(self, seq: int) -> None:
        if seq in self._kept or not self._acked < seq <= self._acked + WINDOW:
            return
        self._kept.add(seq)
        if seq in self._answers and self._interface is not None:
            # What waited for a client that is gone is taken like what comes from now on.
            for frame in self._answers[seq].frames:
                self._kept_answer(frame, self._interface)

    def _take_received(self, numbers: Iterable[int]) -> None:
        window = range(self._acked + 1, self._acked + WINDOW + 1)
        self._received = {seq for seq in {*self._received, *numbers} if seq in window}
        for seq in self._received & self._answers.keys():
            del self._answers[seq]

    async def _call(self, frame: Frame) -> None:
        try:
            target = await self._target(frame.timeout)
        except BaseException:
            # The connection broke; the client will ask again.
            self._memory.give_back(blocks_of(frame))
            raise
        self._last = max(self._last, frame.seq)
        if frame.seq <= self._acked or frame.seq > self._acked + WINDOW:
            self._reply(error_reply(frame, _OUTSIDE, frame.epoch))
        elif frame.seq in self._answers:
            self._answer_again(self._answers[frame.seq])
        else:
            self._answers[frame.seq] = _Answers(frame.name)
            if self._dispatch(frame, target):
                return
        self._memory.give_back(blocks_of(frame))

    def _answer_again(self, answers: _Answers) -> None:
        answers.is_behind = False
        if answers.progress is not None and not answers.frames:
            self._reply(answers.progress)
        for each in answers.frames:
            self._reply(each)

    async def _target(self, timeout: int) -> ServedInterface | Failure:
        """Give the interface, as soon as it is loaded, or why there is none in time."""
        try:
            if self._find(self._name) is self._interface:
                return self._interface
            return await asyncio.wait_for(self._attach(), timeout / 1000 or None)
        except FailureError as error:
            return error.failure
        except TimeoutError:
            return given_up(timeout)

    def _dispatch(self, frame: Frame, target: ServedInterface | Failure) -> bool:
        """Hand a call to the interface; False where it was answered here."""
        if isinstance(target, Failure):
            self._refuse(frame, frame.epoch, target)
        elif frame.epoch in (0, target.epoch):
            target.call(frame, self._answer)
            return True
        elif not target.fate(frame, self._answer):
            self._refuse(frame, target.epoch, _STATE_LOST)
        return False

    def _refuse(self, call: Frame, epoch: int, failure: Failure) -> None:
        self._journal.add_unrun(self._name, epoch, call, failure)
        self._answer(error_reply(call, failure, epoch))

    def _cancel(self, frame: Frame) -> None:
        interface = self._interface
        if interface is None or frame.seq <= self._acked:
            return
        if frame.seq in self._answers:
            interface.give_up((self.id, frame.seq), Failure.CANCELLED)
            return
        # It was made directly.
        self._answers[frame.seq] = _Answers()
        if frame.epoch in (0, interface.epoch):
            interface.adopt(frame, self._answer)
        elif not interface.fate(frame, self._answer):
            self._answer(error_reply(frame, _STATE_LOST, interface.epoch))

    def _take_more(self, frame: Frame) -> None:
        if frame.seq in self._kept:
            return
        answers = self._answers.get(frame.seq)
        if answers is not None:
            # An ITEMS frame says how many items were before it: all before the next one are taken.
            frames = answers.frames
            while len(frames) > 1 and frames[1].kind is Kind.ITEMS and frames[1].ack <= frame.ack:
                frames.pop(0)
        if self._interface is not None:
            self._interface.steer(frame)

    def _answer(self, frame: Frame) -> None:
        """Send an answer, and keep it until the client acknowledges it."""
        answers = self._answers.get(frame.seq)
        if frame.seq in self._kept and self._interface is not None:
            frame = self._kept_answer(frame, self._interface)
        if answers is not None and frame.kind is Kind.PROGRESS:
            answers.progress = frame
        elif answers is not None:
            answers.frames.append(frame)
        if answers is None or not answers.is_behind:
            self._reply(frame)

    def _kept_answer(self, frame: Frame, interface: ServedInterface) -> Frame:
        """Take what answers a call for whoever asks for it later; a stream without end is ended."""
        if frame.kind is Kind.ITEMS:
            interface.steer(self._kept.take(frame))
        if not self._kept.is_full(frame.seq):
            return frame
        interface.give_up(frame.key, Failure.CANCELLED)
        return explained(frame) if frame.kind is Kind.ERROR else frame

    def _reply(self, frame: Frame) -> None:
        if self._send is not None:
            self._send(frame)

    def _invite(self) -> None:
        """Tell the client of a new worker."""
        if self._interface is not None:
            self._reply(self.opened()._replace(kind=Kind.INVITATION))

    async def _attach(self) -> ServedInterface:
        """Give the interface as it is served now; one that was served anew must be the same."""
        interface = self._find(self._name)
        if interface is not self._interface:
            schema = await interface.schema()
            if self._schema_hash not in ("", schema.hash):
                raise FailureError(_changed(schema))
            if self._interface is not None:
                self._interface.on_loaded.discard(self._invite)
            self._interface = interface
            interface.on_loaded.add(self._invite)
            self._invite()
        return interface


def _client_of(opening: Frame) -> bytes:
    """Tell clients of one session apart."""
    return bytes(opening.body).partition(b"\n")[2]


def _nothing() -> None:
    """Let go of no connection."""


_TAKEN_OVER = Failure(
    kind=Failure.SESSION_OVER,
    message="another client has opened the session under its name",
    hint="give each program that runs at the same time a session name of its own",
)

_STATE_LOST = Failure(
    kind=Failure.STATE_LOST,
    effect=Failure.NOT_STARTED,
    message="the worker was restarted since the last call; the interface's module state is as "
    "after loading",
    hint="set up the state again where it matters, then repeat the call",
)

_OUTSIDE = Failure(
    kind=Failure.SESSION_OVER,
    effect=Failure.NOT_STARTED,
    message="the answer of this call was delivered before, or too many answers are outstanding",
    hint="open another session",
)


def _changed(schema: InterfaceSchema) -> Failure:
    functions = ", ".join(function.name for function in schema.functions)
    return Failure(
        kind=Failure.SCHEMA_CHANGED,
        message=f"interface {schema.name!r} is not the one this library was made from; "
        f"it now has: {functions}",
        hint="make the library anew: install what serve() gave back last",
        outline=outline(schema),
    )
