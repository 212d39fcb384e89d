"""The server's session with the interface: opened at the first call, and when it was lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

from seer_rpc.client import Connection, Session


class SharedSession:
    """One session for all calls of a server: what one keeps in the sandbox, another may use."""

    def __init__(self, connection_file: Path, schema_hash: str) -> None:
        """Know where the connection is written down; nothing is opened yet."""
        self._file = connection_file
        self._hash = schema_hash
        self._session: Session | None = None
        self._opening: asyncio.Future[Session] | None = None

    async def get(self) -> Session:
        """Give a session that is open.

        Raises:
            SessionError: there is no way to the sandbox.
            InterfaceError: the interface failed to load.
        """
        current, opening = self.current, self._opening
        if opening is None and current is not None:
            return current
        if opening is None:
            opening = asyncio.ensure_future(asyncio.to_thread(self._open, self._session))
            opening.add_done_callback(self._take)
            self._opening = opening
        # Others wait for it, too, and what nobody waits for has to be closed in the end.
        return await asyncio.shield(opening)

    @property
    def current(self) -> Session | None:
        """The session that is open; None where there is none."""
        session = self._session
        return None if session is None or session.lost else session

    def close(self) -> None:
        """End the session, and with it what still runs."""
        if self._session is not None:
            self._session.close()

    def _take(self, opening: asyncio.Future[Session]) -> None:
        self._opening = None
        if not opening.cancelled() and opening.exception() is None:
            self._session = opening.result()

    def _open(self, previous: Session | None) -> Session:
        # A client hears of a restart once, also where it happened between two sessions.
        known_epoch = previous.epoch if previous is not None else None
        return Session(Connection.read(self._file), self._hash, known_epoch=known_epoch)
