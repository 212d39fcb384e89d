"""Sessions: calls and their outcomes, for sync and async callers alike."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from seer_rpc.client.calls import Call, Outcome, milliseconds
from seer_rpc.client.connection import Connection
from seer_rpc.client.direct import MOST_AT_ONCE, DirectPath
from seer_rpc.client.groups import GROUP
from seer_rpc.client.links.incoming import Memory
from seer_rpc.client.outcomes import frame_error
from seer_rpc.client.references import Ref, make_reference
from seer_rpc.client.relay import Relay
from seer_rpc.client.reports import ProgressReports
from seer_rpc.client.streams import ResultStream
from seer_rpc.errors import (
    ArgumentError,
    RemoteError,
    SeerError,
    SessionError,
    StateLostError,
    ValueCrossingError,
    WorkerDiedError,
)
from seer_rpc.progress import OnProgress, show_progress
from seer_runtime.wire.blocks import BlockPool
from seer_runtime.wire.call_ids import call_id
from seer_runtime.wire.channels import Channel
from seer_runtime.wire.codec import Codec
from seer_runtime.wire.errors import DecodeError, EncodeError
from seer_runtime.wire.frames import NO_SESSION, Frame, Kind, pack_numbers
from seer_runtime.wire.handles import LIST, Handle
from seer_runtime.wire.openings import Opening
from seer_runtime.wire.records import TypeNames

# Where an argument stands in what is sent: [by position, by name].
_ARGUMENT = re.compile(r"^\[[01]\]\[(.*?)\]")

_PATIENCE = 30.0
"""Seconds in which a session over a network tries to return after its connection broke."""

_LOOK = 0.002

_ATTEMPTS = 3
"""Times that a call of an idempotent function is made, where the worker dies during it."""


class Session:
    """An open session. Thread-safe; the calls of one thread or task run in their order.

    On the sandbox's own host calls go straight to the worker. Over a network a session outlives
    its connection: what was not answered is sent again, and never runs twice.
    """

    def __init__(
        self,
        connection: Connection,
        schema_hash: str = "",
        types: TypeNames | None = None,
        known_epoch: int | None = None,
        on_progress: OnProgress | None = None,
        patience: float | None = None,
        exceptions: Mapping[str, type[RemoteError]] | None = None,
        name: str = "",
        lease: float | None = None,
    ) -> None:
        """Open a session, with the interface whose schema has this hash, or with any.

        `known_epoch` is the one that the caller's last session knew: if the worker was restarted
        since, the first call says so.

        `on_progress` hears how far calls are, on whichever thread waits for them: of a call's
        number, its function, what is done, in all (or None) and a message; done is None at its
        end. Without it, bars on the terminal show it.

        `patience` is the number of seconds in which a lost connection may come back; 30 over a
        network, none on this machine.

        With a `name`, calls outlive their client: as long as the `lease`, in seconds, lasts,
        another process that opens the session of this name finds in `pending` what was called and
        not received, and may `collect` it. A client that is still there loses the session.

        `exceptions` are the classes for what the interface raises, by their qualified names.

        Raises:
            SessionError: there is no such interface, or no way to it.
            InterfaceError: the interface failed to load.
        """
        self._process = os.getpid()
        self._beside = connection.beside
        self._codec = Codec(types)
        self._exceptions = exceptions or {}
        self._reports = ProgressReports(on_progress or show_progress)
        self._pool = BlockPool()
        # What arrives over the link is for this process alone, and not for those that it forks.
        self._arrivals = BlockPool(is_private=True)
        self._idempotent: Sequence[str] = ()
        self._direct: DirectPath | None = None
        if patience is None:
            patience = 0.0 if connection.is_local else _PATIENCE
        self._relay = Relay(
            connection,
            schema_hash,
            patience,
            Memory(self._arrivals),
            self._reports,
            self._connect,
            self._on_end,
            lease,
            _session_id(connection, name) if name else NO_SESSION,
        )
        self._pending_lock = threading.Lock()
        self.pending: Mapping[int, str] = {}
        """Calls of an earlier client of this name whose results were not received: their numbers
        and functions, the name empty where it is not known."""
        self._collected: set[int] = set()
        opened = self._relay.open()
        opening = self._connect(opened)
        if name:
            self.pending = dict(opening.pending)
            last = max(opening.last, self._direct.last if self._direct is not None else 0)
            # Calls of the earlier client may wait in sockets, where nobody has seen them yet.
            self._relay.numbers.resume(last + MOST_AT_ONCE, self.pending)
        self.epoch: int = opened.epoch if known_epoch is None else known_epoch

    @property
    def id(self) -> bytes:
        """What the runtime knows it by."""
        return self._relay.id

    @property
    def lost(self) -> SeerError | None:
        """Why the session is over; None while it is not."""
        return self._relay.lost

    def call(
        self,
        function: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        timeout: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Any:
        """Call a function and wait for its value, `timeout` seconds or however long it takes.

        Whatever interrupts the waiting, Ctrl-C included, cancels the call. `on_progress` hears how
        far this one is, in place of the session's.

        Raises:
            CallError: there is no value; the class says why.
            ModelNotFoundError: the function asked for a model that is not configured.
            InterfaceError: the interface could not be loaded again after its worker died.
            SessionError: the session is closed, or the sandbox gone.
        """
        attempts = _ATTEMPTS
        while True:
            given: list[int] = []
            outcome: Outcome | None = None
            try:
                call = self._new_call(function, args, kwargs, timeout, given, on_progress)
                path, channel = self._way(call)
                if path is not None and channel is not None:
                    outcome = path.answer(call, channel)
                else:
                    self._relay.submit(call)
            except BaseException:
                self._forget(given)
                raise
            if outcome is None:
                outcome = self._relay.wait(call)
            try:
                return self._value(call, outcome)
            except (StateLostError, WorkerDiedError) as error:
                # One whose state was lost was not run.
                attempts -= isinstance(error, WorkerDiedError)
                if not attempts or call.frame.epoch:
                    raise

    async def call_async(
        self,
        function: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        timeout: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Any:
        """Call a function from async code, as `call` does; cancelling the task cancels the call."""
        attempts = _ATTEMPTS
        while True:
            # Not by waiting on this thread: what makes room may have to run on it.
            while (seq := self._relay.numbers.try_next(len(self.pending))) is None:
                await asyncio.sleep(_LOOK)
            try:
                call = self._new_call(function, args, kwargs, timeout, [seq], on_progress)
            except BaseException:
                self._relay.numbers.answer(seq)
                raise
            path, channel = self._way(call)
            if path is not None and channel is not None:
                outcome = await path.answer_async(call, channel)
            else:
                outcome = await self._relay.wait_async(self._relay.submit(call))
            try:
                return self._value(call, outcome)
            except (StateLostError, WorkerDiedError) as error:
                # One whose state was lost was not run.
                attempts -= isinstance(error, WorkerDiedError)
                if not attempts or call.frame.epoch:
                    raise

    def start(
        self,
        function: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        timeout: float | None = None,
    ) -> int:
        """Make a call for whoever will `collect` it, this session or a later one of its name.

        Returns when the sandbox has the call, with the number to collect it by. After `leave` it
        goes on as long as the lease lasts. A stream does not wait for whoever takes its items: the
        sandbox keeps them all, up to 1 GiB or some 8 million, where it is ended.

        Raises:
            CallError: the arguments cannot cross.
            SessionError: the session is closed, or the sandbox gone.
        """
        given: list[int] = []
        try:
            call = self._new_call(function, args, kwargs, timeout, given)
            self._relay.entrust(call)
            with self._pending_lock:
                self.pending = {**self.pending, call.seq: function}
        except BaseException:
            self._forget(given)
            raise
        return call.seq

    def cancel(self, number: int) -> None:
        """End a call that is pending; `collect` says what became of it."""
        self._relay.steer(Kind.CANCEL, number, epoch=self.epoch)

    def collect(self, number: int, *, keep: bool = False) -> Any:
        """Wait for the result of a pending call: one of `start`, or of an earlier client.

        With `keep` it stays pending: the next one who opens the session of this name may collect
        it, too, a stream from its first item on that nobody had taken.

        Raises:
            ArgumentError: it is not pending, or was collected in this session.
            SessionOverError: the result is gone: the earlier client had taken it, or a part of it.
            SeerError: what `call` would have raised.
        """
        function = self._take_pending(number, keep)
        relay = self._relay
        # The epoch of a call that has begun; it is not begun again.
        acked = relay.numbers.acked
        frame = Frame(Kind.CALL, relay.id, number, acked, self.epoch, 0, function)
        call = Call(frame, stays=keep)
        return self._value(call, relay.wait(relay.submit(call)))

    def leave(self) -> None:
        """Go, and let calls run on: whoever opens the session of this name may collect them."""
        self._relay.leave()

    def references(self) -> list[Handle]:
        """List what the session keeps in the worker, the oldest first. Raises as `call` does."""
        return [Handle(*row) for row in self.call(LIST, [], {})]

    def free(self, reference: int) -> None:
        """Let go of a value that the worker keeps; in finalizers too."""
        self._relay.say(Kind.FREE, pack_numbers([reference]))

    def close(self) -> None:
        """End the session. Calls on their way are given up, and ended."""
        self._relay.close()

    def __enter__(self) -> Self:
        """Give the session itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """End the session."""
        self.close()

    def _new_call(
        self,
        function: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        timeout: float | None,
        given: list[int],
        on_progress: OnProgress | None = None,
    ) -> Call:
        """Make a call with the number in `given`, or with a new one, which it takes then."""
        if os.getpid() != self._process:
            # Parent and child would take each other's answers.
            raise SessionError(
                "a forked process cannot use the session of its parent",
                hint="open a session in the child process itself",
            )
        try:
            body, segments = self._codec.encode([list(args), dict(kwargs)], "", self._refer)
        except EncodeError as error:
            place = _ARGUMENT.sub(r"argument \1", error.path)
            raise ValueCrossingError(
                f"{function}(): {place} is a {error.type_name}: {error.reason}"
            ) from None
        limit = milliseconds(timeout)
        relay = self._relay
        if relay.lost is not None:
            raise relay.lost
        # An epoch of 0 is any: what may run twice need not hear of a restart.
        epoch = 0 if function in self._idempotent else self.epoch
        seq = given[0] if given else relay.numbers.next(given, len(self.pending))
        if on_progress is not None:
            self._reports.listen(seq, on_progress)
        frame = Frame(
            Kind.CALL, relay.id, seq, relay.numbers.acked, epoch, limit, function, body, segments
        )
        call = Call(frame, None if timeout is None else time.monotonic() + timeout)
        group = GROUP.get()
        if group is not None:
            group.add(relay, call)
        return call

    def _take_pending(self, number: int, keep: bool) -> str:
        """Give the function of a pending call, which this session does not collect again."""
        with self._pending_lock:
            function = self.pending.get(number)
            if function is None or number in self._collected:
                there = [seq for seq in self.pending if seq not in self._collected]
                raise ArgumentError(f"no call {number} is pending; there are: {there}")
            if keep:
                self._collected.add(number)
            else:
                # Another dictionary: whoever iterates goes on with what there was.
                self.pending = {seq: name for seq, name in self.pending.items() if seq != number}
            return function

    def _forget(self, numbers: Iterable[int]) -> None:
        """Want no answers: a number without one keeps all later ones from being acknowledged."""
        for each in numbers:
            self._relay.numbers.answer(each)

    def _refer(self, value: Any) -> Sequence[Any] | None:
        return value.parts(self) if isinstance(value, Ref) else None

    def _resolve(self, parts: Sequence[Any]) -> Ref:
        return make_reference(self, parts)

    def _way(self, call: Call) -> tuple[DirectPath | None, Channel | None]:
        """Give a direct connection, where there is one and the worker is the one that we know."""
        path = self._direct
        if path is None or call.frame.epoch not in (0, path.epoch):
            return None, None
        try:
            return path, path.take()
        except BaseException:
            # What is interrupted here is never sent.
            self._relay.numbers.answer(call.seq)
            self._reports.end(call.seq)
            raise

    def _value(self, call: Call, outcome: Outcome) -> Any:
        if isinstance(outcome, Frame):
            return self._decode(call, outcome)
        return ResultStream(outcome, lambda frame: self._items(call, frame))

    def _items(self, call: Call, frame: Frame) -> list[Any]:
        items = [] if frame.kind is Kind.END else self._decode(call, frame)
        if not isinstance(items, list):
            raise ValueCrossingError(
                f"an item of {frame.name}() is damaged",
                started=True,
                call_id=call_id(frame.session, frame.seq),
            )
        return items

    def _decode(self, call: Call, frame: Frame) -> Any:
        # A call that may run twice tells nobody of a restart: another one has to.
        if frame.epoch and call.frame.epoch:
            self.epoch = frame.epoch
        if frame.kind is Kind.ERROR:
            raise frame_error(frame, self._exceptions)
        try:
            return self._codec.decode(frame.body, frame.segments, self._resolve)
        except DecodeError as error:
            raise ValueCrossingError(
                f"the result of {frame.name}() is damaged: {error}",
                started=True,
                call_id=call_id(frame.session, frame.seq),
            ) from error

    def _connect(self, frame: Frame) -> Opening:
        """Take what the front said of a worker; connect to it where that is possible."""
        opening = Opening()
        with contextlib.suppress(DecodeError):
            opening = self._located(Opening.decode(frame.body))
        self._idempotent = opening.idempotent
        self._relay.ledger = opening.ledger
        previous, self._direct = self._direct, None
        if previous is not None:
            previous.close()
        if not opening.socket:
            return opening
        path = DirectPath(opening, frame.epoch, self._pool, self._relay, self._reports)
        channel = path.take()
        if channel is not None:
            path.give_back(channel)
            self._direct = path
            if self._relay.lost is not None:
                # It ended meanwhile.
                path.close()
        return opening

    def _located(self, opening: Opening) -> Opening:
        socket, ledger = map(self._beside, (opening.socket, opening.ledger))
        return opening._replace(socket=socket, ledger=ledger)

    def _on_end(self) -> None:
        if self._direct is not None:
            self._direct.close()
        self._pool.close()
        self._arrivals.close()


def _session_id(connection: Connection, name: str) -> bytes:
    """Give the id of a named session: nobody without the token can tell it."""
    text = "\0".join((connection.token, connection.interface, name))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
