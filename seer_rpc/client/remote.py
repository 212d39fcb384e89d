"""What a generated library holds: one interface, connected to when it is first called."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seer_runtime.wire.records import TypeNames

from seer_rpc.client.connection import Connection
from seer_rpc.client.session import Session
from seer_rpc.errors import ArgumentError


class ServerDefault:
    """Stands for a default value that only the interface itself can make."""

    def __repr__(self) -> str:
        """Show in signatures that something is there."""
        return "..."


class RemoteInterface:
    """Calls the functions of one interface over one session, which it opens again if it is lost."""

    def __init__(
        self, name: str, schema_hash: str, near: str, types: Mapping[str, type] | None = None
    ) -> None:
        """Find the connection of `name` near the file `near`, at the first call."""
        self._name = name
        self._hash = schema_hash
        self._near = Path(near)
        self._types = types
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._process = 0

    def call(self, function: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call a function and wait for its value. Raises what `Session.call` raises."""
        return self._open().call(function, _given(function, args), _given_by_name(kwargs))

    async def call_async(
        self, function: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Call a function from async code. Raises what `Session.call` raises."""
        session = self._session
        if session is None or session.lost or self._process != os.getpid():
            session = await asyncio.to_thread(self._open)
        return await session.call_async(function, _given(function, args), _given_by_name(kwargs))

    def close(self) -> None:
        """End the session, if there is one; the next call opens another."""
        with self._lock:
            if self._session is not None:
                self._session.close()
                self._session = None

    def _open(self) -> Session:
        with self._lock:
            session = self._session
            # A session does not survive a fork: its threads stay behind.
            if session is None or session.lost or self._process != os.getpid():
                connection = Connection.find(self._name, self._near)
                session = Session(connection, self._hash, TypeNames(self._types))
                self._session = session
                self._process = os.getpid()
            return session


def _given(function: str, args: Sequence[Any]) -> list[Any]:
    values = list(args)
    while values and isinstance(values[-1], ServerDefault):
        values.pop()
    if any(isinstance(value, ServerDefault) for value in values):
        raise ArgumentError(f"{function}(): give a value for each argument before the last one")
    return values


def _given_by_name(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kwargs.items() if not isinstance(value, ServerDefault)}
