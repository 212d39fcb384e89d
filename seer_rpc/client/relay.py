"""Calls through the front, over a link that may break and be made anew."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from functools import partial
from typing import TypeGuard
from weakref import WeakValueDictionary

from seer_rpc.client.calls import Call, Outcome, milliseconds
from seer_rpc.client.connection import Connection
from seer_rpc.client.links import Link, open_link
from seer_rpc.client.links.incoming import Memory
from seer_rpc.client.numbers import CallNumbers
from seer_rpc.client.outcomes import frame_error
from seer_rpc.client.reports import ProgressReports
from seer_rpc.client.streams import Arrivals
from seer_rpc.errors import SandboxLostError, SeerError, SessionError
from seer_runtime.wire.call_ids import call_id
from seer_runtime.wire.errors import DecodeError
from seer_runtime.wire.frames import (
    NO_SESSION,
    Frame,
    FrameError,
    Kind,
    pack_numbers,
    segment_size,
)
from seer_runtime.wire.ledger import CallStage, Ledger
from seer_runtime.wire.openings import Opening

_LEASE = 5.0
"""Seconds that the runtime keeps a session for longer than its client tries to return."""

_UNACKED = 32
"""Small answers that are not acknowledged at once."""

_LARGE = 64 << 10

_LOOK = 0.02

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0

_LEAVING = 2.0
"""Seconds in which the runtime hears a client's last word."""

_REOPEN = 5.0
"""Seconds in which the runtime answers a client that returns."""


class Relay:
    """A session with the front: its calls, until they have an outcome.

    What was not answered when a link breaks is sent again over the next one, under its own
    number: the front runs it once.
    """

    def __init__(
        self,
        connection: Connection,
        schema_hash: str,
        patience: float,
        memory: Memory,
        reports: ProgressReports,
        on_opening: Callable[[Frame], object],
        on_end: Callable[[], None],
        lease: float | None = None,
        session: bytes = NO_SESSION,
    ) -> None:
        """Prepare for `open`.

        `patience` is how many seconds to try when a link broke, `lease` how many the runtime keeps
        a session without a client; with `session`, one that an earlier client had is gone on with.
        `on_opening` hears of each new worker; `on_end` of the session's end.
        """
        self.numbers = CallNumbers()
        self.lost: SeerError | None = None
        self.id = session
        self.ledger = ""
        """Where the worker writes down what it begins, on this host."""
        self._connection = connection
        self._patience = patience
        self._memory = memory
        self._reports = reports
        self._on_opening = on_opening
        self._on_end = on_end
        self._is_named = session != NO_SESSION
        self._opening = Frame(
            Kind.OPEN,
            epoch=self._is_named,
            timeout=milliseconds(patience + _LEASE if lease is None else lease),
            name=connection.interface,
            body=f"{schema_hash}\n{secrets.token_hex(8)}".encode(),
        )
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._told = self._attempts = 0
        self._reopened: Future[Frame] = Future()
        self._waiting: dict[int, Call] = {}
        # A stream that its reader drops is over.
        self._streams: WeakValueDictionary[int, Arrivals] = WeakValueDictionary()
        self._link: Link
        self._opened: Future[Frame]

    def open(self) -> Frame:
        """Open the session; gives what the front says of it.

        Raises:
            SeerError: it cannot be opened.
        """
        self._link, opening = self._open()
        self._opened = opening
        try:
            # An interface that is loading answers when it is loaded; a link that breaks says so.
            opened = opening.result()
            if opened.kind is Kind.ERROR:
                raise frame_error(opened)
        except BaseException:
            self._link.close()
            raise
        self.id = opened.session
        return opened

    def submit(self, call: Call) -> Call:
        """Have the front answer a call.

        Raises:
            SeerError: the session is over.
        """
        self.expect(call)
        self._send_call(self._link, call)
        return call

    def entrust(self, call: Call) -> None:
        """Have the front answer a call to whoever asks for it later; returns when it has the call.

        Of a stream it takes all items, then, and keeps them.

        Raises:
            SeerError: the session is over.
        """
        call.stays = True
        link: Link | None = None
        while True:
            if self.lost is not None:
                raise self.lost
            if link is not self._link:
                link = self._link
                self._send_call(link, call)
            if call.seq in self._ask_pending(link):
                return
            time.sleep(_LOOK)

    def resubmit(self, call: Call) -> Call:
        """Have the front say what became of a call that was made directly. Raises as `submit`."""
        try:
            return self.submit(call)
        except SeerError as error:
            raise self._interrupted(error, call.seq, has_come=True) from None

    def expect(self, call: Call) -> None:
        """Take the outcome of a call that was made directly, if it comes this way."""
        with self._lock:
            if self.lost is not None:
                raise self.lost
            self._waiting[call.seq] = call

    def expect_no_more(self, call: Call) -> None:
        """The outcome came the other way."""
        with self._lock:
            self._waiting.pop(call.seq, None)

    def wait(self, call: Call) -> Outcome:
        """Wait for the outcome of a call that was submitted; what interrupts that cancels it."""
        try:
            return call.future.result()
        except SeerError:
            raise
        except BaseException:
            self.abandon(call)
            raise

    async def wait_async(self, call: Call) -> Outcome:
        """Await the outcome of a call that was submitted; to be cancelled cancels it."""
        try:
            return await asyncio.wrap_future(call.future)
        except asyncio.CancelledError:
            self.abandon(call)
            raise

    def abandon(self, call: Call) -> None:
        """Have a call ended; whoever waits for it hears of that here, or by its answer."""
        call.future.cancel()
        self._link.drop(call.frame.key)
        if not call.stays:
            self.steer(Kind.CANCEL, call.seq, epoch=call.frame.epoch)

    def steer(self, kind: Kind, seq: int, ack: int = 0, timeout: int = 0, epoch: int = 0) -> None:
        """Say something of a call; a link that is gone takes it with it, or the news of it."""
        if kind is Kind.CANCEL:
            # It may be all that the front ever hears of calls that are made directly.
            ack = self.numbers.acked
        self._link.send(Frame(kind, self.id, seq, ack, epoch, timeout))

    def say(self, kind: Kind, body: bytes = b"", epoch: int = 0) -> None:
        """Say something of the session."""
        self._link.send(Frame(kind, self.id, epoch=epoch, body=body))

    def close(self) -> None:
        """End the session. Calls on their way are given up, and ended."""
        if self.lost is None:
            self.say(Kind.CLOSE)
        self._fail(SessionError("the session was closed"))
        self._link.close()
        if self._is_named:
            # Whoever opens one of this name next gets a new one.
            self._link.wait(_LEAVING)

    def leave(self) -> None:
        """Go without a word: the runtime keeps the session as long as its lease lasts."""
        # What was received directly is known to the worker alone.
        acked, received = self.numbers.acked, pack_numbers(self.numbers.received())
        self._link.send(Frame(Kind.ACK, self.id, ack=acked, body=received))
        self._fail(SessionError("the session was left"))
        self._link.close()
        # Whoever opens it next is told of what was received; and this may be a program's last act.
        self._link.wait(_LEAVING)

    def _open(self) -> tuple[Link, Future[Frame]]:
        """Connect, and say which session this is, or that it is a new one."""
        opened: Future[Frame] = Future()
        link = open_link(
            self._connection,
            self._memory,
            partial(self._on_frame, opened),
            partial(self._on_lost, opened),
        )
        self._send_opening(link)
        # Whoever takes a session over does so once.
        self._opening = self._opening._replace(epoch=0)
        return link, opened

    def _send_opening(self, link: Link) -> None:
        with self._lock:
            self._attempts += 1
            attempt = self._attempts
        link.send(self._opening._replace(session=self.id, ack=attempt))

    def _ask_pending(self, link: Link) -> Collection[int]:
        """Open the session once more, to hear which calls the front knows; none if it is silent."""
        # One after the other: an answer does not say whose question it is to.
        with self._asking:
            self._reopened = Future()
            self._send_opening(link)
            with contextlib.suppress(TimeoutError, DecodeError):
                return dict(Opening.decode(self._reopened.result(_REOPEN).body).pending)
        return ()

    def _on_frame(self, opened: Future[Frame], frame: Frame) -> None:
        if frame.seq == 0:
            self._on_session_frame(opened, frame)
        elif opened is not self._opened:
            # A link that was given up, or is not the one yet: what it says is said again.
            return
        elif frame.session != self.id:
            raise FrameError("a frame of another session")
        elif frame.kind is Kind.PROGRESS:
            self._reports.report(frame)
        elif frame.kind is Kind.ITEMS:
            self._on_items(frame)
        elif frame.kind in (Kind.RESULT, Kind.ERROR, Kind.END):
            self._on_end_of_call(frame)
        else:
            raise FrameError(f"a {frame.kind.name} frame that answers no call")

    def _on_session_frame(self, opened: Future[Frame], frame: Frame) -> None:
        if frame.kind is Kind.INVITATION and opened is self._opened:
            self._on_opening(frame)
        elif frame.kind is Kind.ERROR and opened.done() and opened is self._opened:
            # The runtime ends the session; where the sandbox ends, it says which calls have come.
            error = frame_error(frame)
            self._fail(error, frame.ack if isinstance(error, SandboxLostError) else None)
        elif not opened.done() and frame.kind in (Kind.OPENED, Kind.ERROR):
            opened.set_result(frame)
        elif frame.kind is Kind.OPENED and not self._reopened.done():
            self._reopened.set_result(frame)

    def _on_items(self, frame: Frame) -> None:
        begun: Call | None = None
        with self._lock:
            call = self._waiting.get(frame.seq)
            arrivals = self._streams.get(frame.seq)
            if call is not None and arrivals is None and not call.future.done():
                begun = call
                arrivals = self._streams[frame.seq] = self._arrivals(frame, call)
        if arrivals is not None:
            arrivals.put(frame)
            if begun is not None:
                _settle(begun, arrivals)

    def _on_end_of_call(self, frame: Frame) -> None:
        self._reports.end(frame.seq)
        with self._lock:
            call = self._waiting.pop(frame.seq, None)
            arrivals = self._streams.get(frame.seq)
        if arrivals is not None:
            arrivals.put(frame)
        elif call is not None and frame.kind is Kind.END:
            empty = self._arrivals(frame, call)
            empty.put(frame)
            _settle(call, empty)
        elif call is not None:
            _settle(call, frame)
        if call is not None and not call.stays:
            self._acknowledge(frame)

    def _arrivals(self, frame: Frame, call: Call) -> Arrivals:
        if call.stays:
            return Arrivals(tell=lambda _: None, cancel=lambda: None)
        seq, epoch = frame.seq, frame.epoch
        return Arrivals(
            tell=lambda taken: self.steer(Kind.MORE, seq, taken, epoch=epoch),
            cancel=lambda: self.steer(Kind.CANCEL, seq, epoch=epoch),
        )

    def _acknowledge(self, frame: Frame) -> None:
        """Let the runtime forget answers: large ones at once, small ones now and then."""
        self.numbers.answer(frame.seq)
        acked = self.numbers.acked
        is_large = any(segment_size(each) >= _LARGE for each in frame.segments)
        if is_large or acked - self._told >= _UNACKED:
            self._told = acked
            self.steer(Kind.ACK, 0, acked)

    def _on_lost(self, opened: Future[Frame], error: SeerError) -> None:
        if not opened.done():
            # Whoever opens it deals with it.
            opened.set_exception(error)
        elif isinstance(error, SandboxLostError) and self._patience and not _is_final(error):
            self._return(error)
        else:
            self._fail(error)

    def _return(self, error: SeerError) -> None:
        """Connect again, as long as there is patience; send again what was not answered."""
        deadline = time.monotonic() + self._patience
        pause = _FIRST_PAUSE
        while self.lost is None:
            link, opened = self._open()
            try:
                answer = opened.result(_REOPEN)
            except (SeerError, TimeoutError) as problem:
                # Whatever kept it from opening may pass, but for the sandbox's end.
                link.abort()
                if _is_final(problem):
                    error = problem
                if _is_final(error) or time.monotonic() + pause > deadline:
                    self._fail(error)
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            if answer.kind is Kind.OPENED:
                self._opened = opened
                self._resume(link)
                return
            link.abort()
            self._fail(frame_error(answer))

    def _resume(self, link: Link) -> None:
        with self._lock:
            self._link = link
            calls = list(self._waiting.values())
        for call in calls:
            self._send_call(link, call)
            self._steer_again(call)
        if self.lost is not None:
            # It was closed meanwhile.
            self.say(Kind.CLOSE)
            link.close()

    def _send_call(self, link: Link, call: Call) -> None:
        if call.stays:
            link.send(Frame(Kind.KEEP, self.id, call.seq))
        link.send(call.frame)

    def _steer_again(self, call: Call) -> None:
        """Say of a call what may have been lost with the link."""
        if call.stays:
            return
        stream = self._streams.get(call.seq)
        if call.future.cancelled() or (stream is not None and stream.is_cancelled):
            self.steer(Kind.CANCEL, call.seq, epoch=call.frame.epoch)
        elif stream is not None and stream.taken:
            self.steer(Kind.MORE, call.seq, stream.taken, epoch=call.frame.epoch)

    def _fail(self, error: SeerError, received: int | None = None) -> None:
        """End everything with an error; calls beyond number `received` did not begin."""
        with self._lock:
            if self.lost is not None:
                return
            self.lost = error
            waiting, self._waiting = self._waiting, {}
            streams = list(self._streams.items())
        self.numbers.close()
        self._reports.end_all()
        for seq, arrivals in streams:
            arrivals.put(_ended(error, call_id(self.id, seq), may_have_run=True))
        for seq, call in waiting.items():
            if _is_awaited(call):
                has_come = received is None or seq <= received
                call.future.set_exception(self._interrupted(error, seq, has_come))
        self._on_end()

    def _interrupted(self, error: SeerError, seq: int, has_come: bool) -> SeerError:
        """Say what is known of a call whose outcome will not come."""
        try:
            stage = Ledger.read(self.ledger).stage(self.id, seq)
        except (OSError, ValueError):
            # It is another host's, or gone with the sandbox.
            stage = CallStage.BEGUN if has_come else CallStage.NOT_BEGUN
        return _ended(error, call_id(self.id, seq), stage is not CallStage.NOT_BEGUN)


def _is_final(error: Exception) -> TypeGuard[SeerError]:
    """Tell whether the sandbox is known to have ended."""
    return isinstance(error, SandboxLostError) and error.exit_code is not None


def _settle(call: Call, outcome: Outcome) -> None:
    if _is_awaited(call):
        call.future.set_result(outcome)


def _is_awaited(call: Call) -> bool:
    """Tell whether the caller has neither an outcome nor given up."""
    return not call.future.done() and call.future.set_running_or_notify_cancel()


def _ended(error: SeerError, call: str, may_have_run: bool) -> SeerError:
    """Give the error of one call that the session's end cut off."""
    return type(error)(
        f"{error.message}; this call may have run" if may_have_run else error.message,
        hint=error.hint,
        log=error.log,
        exit_code=error.exit_code,
        started=may_have_run,
        state=error.state,
        call_id=call,
    )
