"""Clients around a session: one that opens another, and one that does what nobody should."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from seer_rpc.client import Connection, Session
from seer_rpc.errors import SeerError


class ReopeningCaller:
    """Opens another session once one is lost; a call that failed has failed."""

    def __init__(self, connection: Connection) -> None:
        """Open the first one."""
        self._connection = connection
        self._lock = threading.Lock()
        self._session: Session | None = Session(connection)

    def call(
        self,
        function: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        timeout: float | None = None,
    ) -> Any:
        """Call over the session that there is."""
        return self._open().call(function, args, kwargs, timeout)

    def close(self) -> None:
        """End the session."""
        if self._session is not None:
            self._session.close()

    def __enter__(self) -> Self:
        """Give the caller itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """End the session."""
        self.close()

    def _open(self) -> Session:
        with self._lock:
            if self._session is not None and self._session.lost is not None:
                self.close()
                self._session = None
            if self._session is None:
                self._session = Session(self._connection)
            return self._session


class BlindCaller(ReopeningCaller):
    """Repeats a call that failed as a new one, whatever became of the first."""

    def call(
        self,
        function: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        timeout: float | None = None,
    ) -> Any:
        """Call, twenty times if need be."""
        for _ in range(20):
            try:
                return super().call(function, args, kwargs, timeout)
            except SeerError:
                continue
        return super().call(function, args, kwargs, timeout)
