"""A copy of a notebook on this machine, as far behind as the way there is long."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seer_rpc.errors import ConfigError, NotebookError
from seer_rpc.execution.jupyter import HELD
from seer_rpc.files import write_whole

_AGAIN = 2.0
_MOST_FAILURES = 30
"""After which the sandbox is taken to be gone."""

_MODE = 0o644


class Mirror:
    """Writes the copy whenever the notebook changes, on a thread of its own."""

    def __init__(self, file: Path, fetch: Callable[[int, float], Any]) -> None:
        """Begin; `fetch` gives what differs from a revision, after so many seconds at most.

        Raises:
            ConfigError: the copy cannot be written.
        """
        self.file = file
        self._fetch = fetch
        self._revision = -1
        self._lock = threading.Lock()
        self._ended = threading.Event()
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self.update()
        except OSError as error:
            raise ConfigError(f"the notebook cannot be copied to {file}: {error}") from error
        threading.Thread(target=self._follow, name="seer-notebook", daemon=True).start()

    def update(self) -> None:
        """Have the copy be what the notebook is now.

        Raises:
            NotebookError: the sandbox is gone; the copy is as it was.
            OSError: it cannot be written.
        """
        self._take(self._fetch(self._revision, 0.0))

    def end(self) -> None:
        """Leave it as it is."""
        self._ended.set()

    def _follow(self) -> None:
        failures = 0
        while not self._ended.is_set() and failures < _MOST_FAILURES:
            try:
                self._take(self._fetch(self._revision, HELD))
                failures = 0
            except (NotebookError, OSError) as error:
                # The notebook itself is in the sandbox; what cannot be copied now is copied later.
                failures += isinstance(error, NotebookError)
                self._ended.wait(_AGAIN)

    def _take(self, news: Any) -> None:
        with self._lock:
            if news["notebook"] is None or news["revision"] <= self._revision:
                return
            text = json.dumps(news["notebook"], indent=1, ensure_ascii=False, sort_keys=True)
            write_whole(self.file, (text + "\n").encode("utf-8", "backslashreplace"), _MODE)
            self._revision = news["revision"]
