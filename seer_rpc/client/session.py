"""A session with one interface: calls out, outcomes back, for sync and async callers alike."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self
from weakref import WeakValueDictionary

from seer_rpc.client.connection import Connection
from seer_rpc.client.links import open_link
from seer_rpc.client.streams import ResultStream
from seer_rpc.errors import (
    ArgumentError,
    RemoteError,
    SeerError,
    SessionError,
    ValueCrossingError,
)
from seer_rpc.progress import OnProgress, show_progress
from seer_runtime.wire.codec import Codec
from seer_runtime.wire.errors import DecodeError, EncodeError
from seer_runtime.wire.frames import Frame, Kind
from seer_runtime.wire.records import TypeNames

# Where an argument stands in what is sent: [by position, by name].
_ARGUMENT = re.compile(r"^\[[01]\]\[(.*?)\]")


_LONGEST = (2**32 - 1) / 1000
"""Seconds that fit into a frame: 49 days."""


class Session:
    """An open session. Thread-safe; calls run in the order in which they are made."""

    def __init__(
        self,
        connection: Connection,
        schema_hash: str = "",
        types: TypeNames | None = None,
        known_epoch: int | None = None,
        on_progress: OnProgress | None = None,
        exceptions: Mapping[str, type[RemoteError]] | None = None,
    ) -> None:
        """Open a session, with the interface whose schema has this hash, or with any.

        `known_epoch` is the one that the caller's last session knew: if the worker was restarted
        since, the first call says so.

        `on_progress` hears how far calls are, on a thread of its own: of a call's number, its
        function, what is done, in all (or None) and a message; done is None at its end. Without
        it, bars on the terminal show it.

        `exceptions` are the classes for what the interface raises, by their qualified names.

        Raises:
            SessionError: there is no such interface, or no way to it.
            InterfaceError: the interface failed to load.
        """
        self.lost: SeerError | None = None
        self._codec = Codec(types)
        self._exceptions = exceptions or {}
        self._on_progress = on_progress or show_progress
        self._in_progress: dict[int, str] = {}
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[Frame | ResultStream]] = {}
        # A stream that its reader drops is over.
        self._streams: WeakValueDictionary[int, ResultStream] = WeakValueDictionary()
        self._opened: Future[Frame] = Future()
        self._link = open_link(connection, self._on_frame, self._on_lost)
        try:
            self._link.send(Frame(Kind.OPEN, name=connection.interface, body=schema_hash.encode()))
            # An interface that is loading answers when it is loaded; a link that breaks says so.
            opened = self._opened.result()
        except BaseException:
            self._link.close()
            raise
        self._id = opened.session
        self.epoch = opened.epoch if known_epoch is None else known_epoch

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
        seq, future = self._send(function, args, kwargs, timeout)
        try:
            frame = future.result()
        except SeerError:
            raise
        except BaseException:
            self._cancel(seq, future)
            raise
        return self._value(frame)

    async def call_async(
        self,
        function: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        timeout: float | None = None,
    ) -> Any:
        """Call a function from async code, as `call` does; cancelling the task cancels the call."""
        seq, future = self._send(function, args, kwargs, timeout)
        try:
            frame = await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            self._cancel(seq, future)
            raise
        return self._value(frame)

    def close(self) -> None:
        """End the session. Calls on their way are given up; what runs, runs on."""
        self._on_lost(SessionError("the session was closed"))
        self._link.close()

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

    def _send(
        self,
        function: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        timeout: float | None,
    ) -> tuple[int, Future[Frame | ResultStream]]:
        try:
            body, segments = self._codec.encode([list(args), dict(kwargs)], "")
        except EncodeError as error:
            place = _ARGUMENT.sub(r"argument \1", error.path)
            raise ValueCrossingError(
                f"{function}(): {place} is a {error.type_name}: {error.reason}"
            ) from None
        future: Future[Frame | ResultStream] = Future()
        with self._lock:
            if self.lost is not None:
                raise self.lost
            seq = next(self._numbers)
            self._waiting[seq] = future
        call = Frame(
            Kind.CALL,
            self._id,
            seq,
            epoch=self.epoch,
            timeout=_milliseconds(timeout),
            name=function,
            body=body,
            segments=segments,
        )
        try:
            self._link.send(call)
        except BaseException:
            with self._lock:
                self._waiting.pop(seq, None)
            raise
        return seq, future

    def _cancel(self, seq: int, future: Future[Any]) -> None:
        """Give up on a call; the runtime ends it."""
        future.cancel()
        self._steer(Kind.CANCEL, seq)

    def _steer(self, kind: Kind, seq: int, ack: int = 0) -> None:
        # A link that is gone takes the call with it, or the news of it.
        with contextlib.suppress(SeerError):
            self._link.send(Frame(kind, self._id, seq, ack, self.epoch))

    def _value(self, frame: Frame | ResultStream) -> Any:
        if isinstance(frame, ResultStream):
            return frame
        if frame.kind is Kind.ERROR:
            raise _error(frame, self._exceptions)
        try:
            return self._codec.decode(frame.body, frame.segments)
        except DecodeError as error:
            raise ValueCrossingError(
                f"the result of {frame.name}() is damaged: {error}", started=True
            ) from error

    def _on_frame(self, frame: Frame) -> None:
        if frame.seq == 0:
            self._on_opening(frame)
            return
        if frame.kind is Kind.PROGRESS:
            self._report(frame)
            return
        if frame.kind is not Kind.ITEMS:
            self._report_end(frame.seq)
        with self._lock:
            future = self._waiting.pop(frame.seq, None)
            stream = self._streams.get(frame.seq)
            if future is not None and frame.kind in (Kind.ITEMS, Kind.END):
                stream = self._streams[frame.seq] = self._open_stream(frame.seq)
        if stream is not None:
            stream.put(frame)
        # A caller that gave up has cancelled its future, and has not heard what the frame says.
        if future is not None and future.set_running_or_notify_cancel():
            self.epoch = frame.epoch
            future.set_result(stream or frame)

    def _report(self, frame: Frame) -> None:
        with contextlib.suppress(DecodeError):
            done, total, message = self._codec.decode(frame.body)
            self._in_progress[frame.seq] = frame.name
            self._on_progress((id(self), frame.seq), frame.name, done, total, message)

    def _report_end(self, seq: int) -> None:
        function = self._in_progress.pop(seq, None)
        if function is not None:
            self._on_progress((id(self), seq), function, None, None, "")

    def _open_stream(self, seq: int) -> ResultStream:
        return ResultStream(
            self._items,
            more=lambda taken: self._steer(Kind.MORE, seq, taken),
            cancel=lambda: self._steer(Kind.CANCEL, seq),
        )

    def _items(self, frame: Frame) -> list[Any]:
        self.epoch = frame.epoch
        return self._value(frame) if frame.kind is not Kind.END else []

    def _on_opening(self, frame: Frame) -> None:
        if self._opened.done():
            return
        if frame.kind is Kind.ERROR:
            self._opened.set_exception(_error(frame, self._exceptions))
        else:
            self._opened.set_result(frame)

    def _on_lost(self, error: SeerError) -> None:
        with self._lock:
            self.lost = self.lost or error
            waiting, self._waiting = list(self._waiting.values()), {}
            streams = list(self._streams.values())
        if not self._opened.done():
            self._opened.set_exception(error)
        for seq in list(self._in_progress):
            self._report_end(seq)
        for stream in streams:
            stream.put(_interrupted(error))
        for future in waiting:
            if future.set_running_or_notify_cancel():
                future.set_exception(_interrupted(error))


def _error(frame: Frame, exceptions: Mapping[str, type[RemoteError]]) -> SeerError:
    # Imported where something failed: protobuf is most of what a light client would load.
    from google.protobuf.message import DecodeError

    from seer_rpc.client.failures import to_error
    from seer_runtime.wire.pb.runtime_pb2 import Failure

    try:
        return to_error(Failure.FromString(bytes(frame.body)), exceptions)
    except DecodeError as error:
        return SessionError(f"the sandbox sent a damaged failure: {error}")


def _interrupted(error: SeerError) -> SeerError:
    return type(error)(
        f"{error.message}; this call may have run",
        hint=error.hint,
        log=error.log,
        exit_code=error.exit_code,
        started=True,
    )


def _milliseconds(timeout: float | None) -> int:
    if timeout is None:
        return 0
    if not 0 < timeout <= _LONGEST:
        raise ArgumentError(
            f"timeout={timeout!r} must be more than 0 s and at most {_LONGEST:.0f} s"
        )
    return max(1, round(timeout * 1000))
