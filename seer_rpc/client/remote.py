"""What a generated library holds: one interface, connected to when it is first called."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from concurrent.futures import Future

    from seer_rpc.client.connection import Connection
    from seer_rpc.client.session import Session
    from seer_rpc.errors import RemoteError


class _ServerDefault:
    def __repr__(self) -> str:
        """Show in signatures that something is there."""
        return "..."


SERVER_DEFAULT: Any = _ServerDefault()
"""Stands for a default value that only the interface itself can make."""


class RemoteInterface:
    """Calls the functions of one interface over one session, which it opens again if it is lost."""

    def __init__(
        self,
        name: str,
        schema_hash: str,
        near: str,
        types: Mapping[str, type] | None = None,
        exceptions: Mapping[str, type[RemoteError]] | None = None,
    ) -> None:
        """Find the connection of `name` near the file `near`, at the first call.

        `types` are the interface's by their names, `exceptions` those by their qualified names.
        """
        self._name = name
        self._hash = schema_hash
        self._near = near
        self._types = types
        self._exceptions = exceptions
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._connection: Connection | None = None
        self._process = 0

    def call(self, function: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call a function and wait for its value. Raises what `Session.call` raises."""
        session = self._usable() or self._open()
        return session.call(function, _given(function, args), _given_by_name(kwargs))

    async def call_async(
        self, function: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Call a function from async code. Raises what `Session.call` raises."""
        session = self._usable() or await self._open_beside()
        return await session.call_async(function, _given(function, args), _given_by_name(kwargs))

    async def stream_async(
        self, function: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> AsyncIterator[Any]:
        """Call a function that gives a stream, when the first item is awaited; give its items."""
        stream = await self.call_async(function, args, kwargs)
        try:
            async for item in stream:
                yield item
        finally:
            stream.close()

    def close(self) -> None:
        """End the session, if there is one; the next call opens another."""
        with self._lock:
            if self._session is not None:
                self._session.close()
                self._session = None

    def _usable(self) -> Session | None:
        session = self._session if self._process == os.getpid() else None
        return None if session is None or session.lost else session

    def _open(self) -> Session:
        # To import these takes longer than all the rest of a library.
        from pathlib import Path

        from seer_rpc.client.connection import Connection
        from seer_rpc.client.session import Session
        from seer_runtime.wire.records import TypeNames

        with self._lock:
            session = self._usable()
            if session is None:
                connection = Connection.find(self._name, Path(self._near))
                session = Session(
                    connection,
                    self._hash,
                    TypeNames(self._types),
                    self._known_epoch(connection),
                    exceptions=self._exceptions,
                )
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
    while values and values[-1] is SERVER_DEFAULT:
        values.pop()
    if any(value is SERVER_DEFAULT for value in values):
        from seer_rpc.errors import ArgumentError

        raise ArgumentError(f"{function}(): give a value for each argument before the last one")
    return values


def _given_by_name(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kwargs.items() if value is not SERVER_DEFAULT}
