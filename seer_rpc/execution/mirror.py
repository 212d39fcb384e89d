"""A copy of a notebook on this machine, as far behind as the way there is long."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seer_rpc.errors import ConfigError, NotebookError
from seer_rpc.execution.jupyter import HELD, understood
from seer_rpc.files import write_whole
from seer_rpc.progress import note

_AGAIN = 2.0
_MOST_FAILURES = 30
"""After which the sandbox is taken to be gone."""

_PACE = 5e6
"""Bytes a second: a notebook that is large, and changes, is not fetched all the time."""

_MODE = 0o644


class Mirror:
    """Writes the copy whenever the notebook changes, on a thread of its own."""

    def __init__(self, file: Path, fetch: Callable[[int, float], Any]) -> None:
        """Begin; `fetch` gives what differs from a revision, after so many seconds at most.

        Raises:
            ConfigError: the copy cannot be written.
        """
        self.file = file
        self.problem = ""
        """Why the copy is not what the notebook is; empty as long as it is."""

        self._fetch = fetch
        self._revision, self._size = -1, 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._take(fetch(self._revision, 0.0))
        except OSError as error:
            raise ConfigError(f"the notebook cannot be copied to {file}: {error}") from error
        threading.Thread(target=self._follow, name="seer-notebook", daemon=True).start()

    def update(self) -> None:
        """Have the copy be what the notebook is now; where that is not possible, say so."""
        try:
            self._bring(0.0)
        except NotebookError as error:
            self._tell(error.message)

    def end(self) -> None:
        """Leave it as it is."""
        self._ended.set()

    def _follow(self) -> None:
        failures = 0
        while not self._ended.is_set():
            try:
                self._bring(HELD)
                failures = 0
            except NotebookError as error:
                failures += 1
                if failures == _MOST_FAILURES:
                    self._tell(error.message)
                    return
            self._ended.wait(_AGAIN if failures or self.problem else self._size / _PACE)

    def _bring(self, wait: float) -> None:
        news = self._fetch(self._revision, wait)
        try:
            self._take(news)
        except OSError as error:
            # The notebook itself is in the sandbox; what cannot be copied now is copied later.
            self._tell(str(error))
        else:
            self._tell("")

    def _tell(self, problem: str) -> None:
        """Tell the user once that the copy is not what the notebook is, and once that it is."""
        known, self.problem = self.problem, problem
        if self._ended.is_set() or bool(known) == bool(problem):
            return
        behind = f"is behind: {problem}"
        note(f"the notebook's copy {self.file} {behind if problem else 'is up to date again'}")

    def _take(self, news: Any) -> None:
        with self._lock:
            with understood():
                if news["notebook"] is None or news["revision"] <= self._revision:
                    return
            with understood():
                text = json.dumps(news["notebook"], indent=1, ensure_ascii=False, sort_keys=True)
            content = (text + "\n").encode("utf-8", "backslashreplace")
            write_whole(self.file, content, _MODE)
            self._revision, self._size = news["revision"], len(content)
