"""Where the notebooks of sessions are, written down for the server that comes after this one."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

_FILE = Path("sessions.json")
"""In the folder that the server runs in."""


class Paths:
    """Paths by the ids of sessions: a person may have given a notebook another name."""

    def __init__(self) -> None:
        """Begin with what an earlier server knew."""
        self._known: dict[str, str] = {}
        with contextlib.suppress(OSError, ValueError):
            self._known = dict(json.loads(_FILE.read_text()))

    def find(self, session_id: str, path: str) -> str:
        """Give where a session's notebook is; `path` if nothing is known of it."""
        return self._known.get(session_id, path)

    def note(self, session_id: str, path: str) -> None:
        """Note where it is."""
        self._known[session_id] = path
        self._write()

    def forget(self, session_id: str) -> None:
        """Note that the session has ended."""
        self._known.pop(session_id, None)
        self._write()

    def _write(self) -> None:
        scratch = _FILE.with_suffix(".new")
        # Where there is no room, it is as if nobody had moved it.
        with contextlib.suppress(OSError):
            scratch.write_text(json.dumps(self._known))
            os.replace(scratch, _FILE)
