"""What a generated library holds: one interface, connected to when it is first called."""

from __future__ import annotations

import contextlib
import os
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from seer_rpc.client.connection import Connection
    from seer_rpc.client.session import Session
    from seer_rpc.errors import RemoteError
    from seer_rpc.progress import OnProgress

    _Limits: TypeAlias = tuple[float | None, OnProgress | None]


class _ServerDefault:
    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        """Show in signatures what is there."""
        return self._text


SERVER_DEFAULT: Any = _ServerDefault("...")
"""Stands for a default value that only the interface itself can make."""


def server_default(text: str) -> Any:
    """Give what stands for such a value, and shows itself as `text`."""
    return _ServerDefault(text)


class _Options(NamedTuple):
    """What holds for calls: SERVER_DEFAULT is the timeout that the interface sets."""

    timeout: float | None = SERVER_DEFAULT
    on_progress: OnProgress | None = None


_UNSET = _Options()


class RemoteInterface:
    """Calls the functions of one interface over one session, which it opens again if it is lost."""

    def __init__(
        self,
        name: str,
        schema_hash: str,
        near: str,
        types: Mapping[str, type] | None = None,
        exceptions: Mapping[str, type[RemoteError]] | None = None,
        outline: Mapping[str, str] | None = None,
        timeouts: Mapping[str, float] | None = None,
    ) -> None:
        """Find the connection of `name` near the file `near`, at the first call.

        `types` are the interface's by their names, `exceptions` those by their qualified names;
        `outline` is what `seer_runtime.wire.outline` said of it. `timeouts` are the seconds that
        calls of some functions may take where their caller says nothing.
        """
        self._name = name
        self._hash = schema_hash
        self._near = near
        self._types = types
        self._exceptions = exceptions
        self._outline = outline
        self._timeouts = timeouts or {}
        self._options = ContextVar(f"options of {name}", default=_UNSET)
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._connection: Connection | None = None
        self._process = 0

    @property
    def name(self) -> str:
        """What the interface is served as."""
        return self._name

    def session(self, connection: Connection, known_epoch: int | None = None) -> Session:
        """Open a session wherever `connection` leads. Raises what `Session` raises."""
        # To import these takes longer than all the rest of a library.
        from seer_rpc.client.session import Session
        from seer_runtime.wire.records import TypeNames

        types = TypeNames(self._types)
        return Session(connection, self._hash, types, known_epoch, exceptions=self._exceptions)

    def limits(self, function: str) -> _Limits:
        """Give what holds here for calls of a function: seconds, and who hears of progress."""
        timeout, on_progress = self._options.get()
        if timeout is SERVER_DEFAULT:
            timeout = self._timeouts.get(function)
        return timeout, on_progress

    def call(self, function: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call a function and wait for its value. Raises what `Session.call` raises."""
        try:
            session = self._usable() or self._open()
            args, kwargs = _given(function, args), _given_by_name(kwargs)
            return session.call(function, args, kwargs, *self.limits(function))
        except Exception as error:
            self._explain(error)
            raise

    async def call_async(
        self, function: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Call a function from async code. Raises what `Session.call` raises."""
        return await self._call_async(function, args, kwargs, self.limits(function))

    def stream_async(
        self, function: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> AsyncIterator[Any]:
        """Call a function that gives a stream, when the first item is awaited; give its items."""
        # What holds now, not when the first item is awaited.
        return self._stream_async(function, args, kwargs, self.limits(function))

    @contextlib.contextmanager
    def with_options(
        self, *, timeout: float | None = SERVER_DEFAULT, on_progress: OnProgress | None = None
    ) -> Iterator[None]:
        """Set what holds for the calls that this thread or task makes inside the block.

        What is not given stays as it is around it. `timeout` is the seconds that a call may take,
        a stream as a whole; None lifts the limit that the interface sets.

        Raises:
            ArgumentError: no call can take that long.
        """
        around = self._options.get()
        if timeout is SERVER_DEFAULT:
            timeout = around.timeout
        elif timeout is not None:
            from seer_rpc.client.calls import milliseconds

            milliseconds(timeout)
        token = self._options.set(_Options(timeout, on_progress or around.on_progress))
        try:
            yield
        finally:
            self._options.reset(token)

    def close(self) -> None:
        """End the session, if there is one; the next call opens another."""
        with self._lock:
            if self._session is not None:
                self._session.close()
                self._session = None

    def _explain(self, error: Exception) -> None:
        """Have an error that is about this library's age say what changed since."""
        from seer_rpc.errors import SchemaChangedError

        if isinstance(error, SchemaChangedError) and self._outline is not None:
            error.compare(self._outline)

    async def _call_async(
        self, function: str, args: Sequence[Any], kwargs: Mapping[str, Any], options: _Limits
    ) -> Any:
        args, kwargs = _given(function, args), _given_by_name(kwargs)
        try:
            session = self._usable() or await self._open_beside()
            return await session.call_async(function, args, kwargs, *options)
        except Exception as error:
            self._explain(error)
            raise

    async def _stream_async(
        self, function: str, args: Sequence[Any], kwargs: Mapping[str, Any], options: _Limits
    ) -> AsyncIterator[Any]:
        stream = await self._call_async(function, args, kwargs, options)
        try:
            async for item in stream:
                yield item
        finally:
            stream.close()

    def _usable(self) -> Session | None:
        session = self._session if self._process == os.getpid() else None
        return None if session is None or session.lost else session

    def _open(self) -> Session:
        from pathlib import Path

        from seer_rpc.client.connection import Connection

        with self._lock:
            session = self._usable()
            if session is None:
                connection = Connection.find(self._name, Path(self._near))
                session = self.session(connection, self._known_epoch(connection))
                self._session, self._connection = session, connection
                self._process = os.getpid()
            return session

    def _known_epoch(self, connection: Connection) -> int | None:
        """Give the epoch that callers know; none of another sandbox's is one that they know."""
        if self._session is None:
            return None
        return self._session.epoch if connection == self._connection else 0

    async def _open_beside(self) -> Session:
        import asyncio
        from concurrent.futures import Future

        # Not on the loop's own threads: they would keep a program that gives up from ending.
        opened: Future[Session] = Future()
        threading.Thread(target=_settle, args=(opened, self._open), daemon=True).start()
        return await asyncio.wrap_future(opened)


def _settle(future: Future[Session], work: Callable[[], Session]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 - raised where the future is awaited
        future.set_exception(error)


def _given(function: str, args: Sequence[Any]) -> list[Any]:
    values = list(args)
    while values and type(values[-1]) is _ServerDefault:
        values.pop()
    if any(type(value) is _ServerDefault for value in values):
        from seer_rpc.errors import ArgumentError

        raise ArgumentError(f"{function}(): give a value for each argument before the last one")
    return values


def _given_by_name(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kwargs.items() if type(value) is not _ServerDefault}
