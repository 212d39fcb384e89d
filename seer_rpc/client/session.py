"""Sessions: calls and their outcomes, for sync and async callers alike."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from seer_rpc.client.calls import Call, Outcome, milliseconds
from seer_rpc.client.connection import Connection
from seer_rpc.client.direct import DirectPath
from seer_rpc.client.links.incoming import Memory
from seer_rpc.client.outcomes import frame_error
from seer_rpc.client.relay import Relay
from seer_rpc.client.reports import ProgressReports
from seer_rpc.client.streams import ResultStream
from seer_rpc.errors import RemoteError, SeerError, ValueCrossingError, WorkerDiedError
from seer_rpc.progress import OnProgress, show_progress
from seer_runtime.wire.blocks import BlockPool, release_body
from seer_runtime.wire.call_ids import call_id
from seer_runtime.wire.channels import Channel, Peer
from seer_runtime.wire.codec import Codec
from seer_runtime.wire.errors import DecodeError, EncodeError
from seer_runtime.wire.frames import Frame, Kind
from seer_runtime.wire.openings import Opening
from seer_runtime.wire.records import TypeNames

# Where an argument stands in what is sent: [by position, by name].
_ARGUMENT = re.compile(r"^\[[01]\]\[(.*?)\]")

_PATIENCE = 30.0
"""Seconds in which a session over a network tries to return after its connection broke."""

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
    ) -> None:
        """Open a session, with the interface whose schema has this hash, or with any.

        `known_epoch` is the one that the caller's last session knew: if the worker was restarted
        since, the first call says so.

        `on_progress` hears how far calls are, on whichever thread waits for them: of a call's
        number, its function, what is done, in all (or None) and a message; done is None at its
        end. Without it, bars on the terminal show it.

        `patience` is the number of seconds in which a lost connection may come back; 30 over a
        network, none on this machine.

        `exceptions` are the classes for what the interface raises, by their qualified names.

        Raises:
            SessionError: there is no such interface, or no way to it.
            InterfaceError: the interface failed to load.
        """
        is_local = connection.endpoint.startswith("unix:")
        self._codec = Codec(types)
        self._exceptions = exceptions or {}
        self._reports = ProgressReports(on_progress or show_progress)
        self._pool = BlockPool()
        self._peer = Peer(self._pool, self._release)
        self._idempotent: Sequence[str] = ()
        self._direct: DirectPath | None = None
        if patience is None:
            patience = 0.0 if is_local else _PATIENCE
        self._relay = Relay(
            connection,
            schema_hash,
            patience,
            Memory(self._pool),
            self._reports,
            self._connect,
            self._on_end,
        )
        opened = self._relay.open()
        self._connect(opened)
        self.epoch = opened.epoch if known_epoch is None else known_epoch

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
    ) -> Any:
        """Call a function and wait for its value, `timeout` seconds or however long it takes.

        Whatever interrupts the waiting, Ctrl-C included, cancels the call.

        Raises:
            CallError: there is no value; the class says why.
            ModelNotFoundError: the function asked for a model that is not configured.
            InterfaceError: the interface could not be loaded again after its worker died.
            SessionError: the session is closed, or the sandbox gone.
        """
        attempts = _ATTEMPTS
        while True:
            call = self._new_call(function, args, kwargs, timeout)
            path, channel = self._way()
            if path is not None and channel is not None:
                outcome = path.answer(call, channel)
            else:
                outcome = self._relay.wait(self._relay.submit(call))
            attempts -= 1
            try:
                return self._value(call, outcome)
            except WorkerDiedError:
                if not attempts or call.frame.epoch:
                    raise

    async def call_async(
        self,
        function: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        timeout: float | None = None,
    ) -> Any:
        """Call a function from async code, as `call` does; cancelling the task cancels the call."""
        attempts = _ATTEMPTS
        while True:
            call = self._new_call(function, args, kwargs, timeout)
            path, channel = self._way()
            if path is not None and channel is not None:
                outcome = await path.answer_async(call, channel)
            else:
                outcome = await self._relay.wait_async(self._relay.submit(call))
            attempts -= 1
            try:
                return self._value(call, outcome)
            except WorkerDiedError:
                if not attempts or call.frame.epoch:
                    raise

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
    ) -> Call:
        try:
            body, segments = self._codec.encode([list(args), dict(kwargs)], "")
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
        seq = relay.numbers.next()
        frame = Frame(
            Kind.CALL, relay.id, seq, relay.numbers.acked, epoch, limit, function, body, segments
        )
        return Call(frame, None if timeout is None else time.monotonic() + timeout)

    def _way(self) -> tuple[DirectPath | None, Channel | None]:
        """Give a direct connection, where there is one and the worker is the one that we know."""
        path = self._direct
        if path is None or path.epoch != self.epoch:
            return None, None
        return path, path.take()

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
        if frame.epoch:
            self.epoch = frame.epoch
        if frame.kind is Kind.ERROR:
            raise frame_error(frame, call, self._exceptions)
        try:
            return self._codec.decode(frame.body, frame.segments)
        except DecodeError as error:
            raise ValueCrossingError(
                f"the result of {frame.name}() is damaged: {error}",
                started=True,
                call_id=call_id(frame.session, frame.seq),
            ) from error

    def _connect(self, frame: Frame) -> None:
        """Take what the front said of a worker; connect to it where that is possible."""
        opening = Opening()
        with contextlib.suppress(DecodeError):
            opening = Opening.decode(frame.body)
        self._idempotent = opening.idempotent
        self._relay.ledger = opening.ledger
        previous, self._direct = self._direct, None
        if previous is not None:
            previous.close()
        if not opening.door:
            return
        path = DirectPath(opening, frame.epoch, self._peer, self._relay, self._reports)
        channel = path.take()
        if channel is not None:
            path.give_back(channel)
            self._direct = path

    def _release(self, block: int) -> None:
        self._relay.say(Kind.RELEASE, release_body([block]))

    def _on_end(self) -> None:
        if self._direct is not None:
            self._direct.close()
        self._peer.memory.close()
        self._pool.close()
