"""What a sandbox on Modal prints, and how it ends: followed on threads, so that nobody waits."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

import modal
from modal import exception

from seer_rpc.locations import sandboxes_folder
from seer_runtime.wire.journal import RUN

EXPIRED = 124
"""The exit status where Modal itself ended a sandbox for its time or for want of use."""

_KEPT = 5_000
_LARGEST = 8 << 20
"""Characters of the log that others on this machine read, after which it begins anew."""

_QUIET = 0.3
"""Seconds without a line after which what was printed before has arrived."""

_LOOK = 0.02
_PATIENCE = 5.0
_AGAIN = 2.0


class Observation:
    """Follows one sandbox from when it is made until it has ended."""

    def __init__(self, sandbox: modal.Sandbox, sandbox_id: str) -> None:
        """Begin; what it printed before arrives, too.

        The first on this machine who does so lets others see that it runs, as they do where a front
        runs here, and writes the log where they look.
        """
        self._sandbox = sandbox
        folder = sandboxes_folder() / sandbox_id
        self._claim = Claim(folder / RUN)
        self._log = folder / "log" if self._claim.is_first else None
        self._lines: deque[str] = deque(maxlen=_KEPT)
        self._rest = ""
        self._last_arrival = time.monotonic()
        self._exit_code: int | None = None
        self._reader = _start("seer-modal-log", self._follow)
        self._ended = threading.Event()
        _start("seer-modal-end", self._await_end)

    @property
    def exit_code(self) -> int | None:
        """The sandbox's exit status, or None while it runs as far as is known."""
        return self._exit_code

    def look(self) -> int | None:
        """Give its exit status, after asking Modal."""
        if self._exit_code is None:
            self._exit_code = self._sandbox.poll()
        return self._exit_code

    def wait(self, seconds: float) -> bool:
        """Wait for its end; tells whether it has come."""
        return self._ended.wait(seconds)

    def finish(self) -> None:
        """Wait until what is known of a sandbox that has ended is known here."""
        self._ended.wait(_PATIENCE)
        self._reader.join(_PATIENCE)

    def lines(self, count: int) -> list[str]:
        """Give the newest lines, once those have arrived that were printed up to now."""
        asked = time.monotonic()
        while self._reader.is_alive() and time.monotonic() < asked + _PATIENCE:
            quiet = time.monotonic() - max(asked, self._last_arrival)
            if self._exit_code is None and quiet > _QUIET:
                break
            time.sleep(_LOOK)
        lines = [*self._lines, *([self._rest] if self._rest else [])]
        return lines[-count:] if count > 0 else []

    def _follow(self) -> None:
        # What breaks while the sandbox ends is its end; what was read until then is kept.
        with contextlib.ExitStack() as opened:
            file = opened.enter_context(self._log.open("w")) if self._log is not None else None
            _ignoring(lambda: self._take(self._sandbox.stderr, file))

    def _take(self, output: Iterable[str], file: TextIO | None) -> None:
        for text in output:
            if file is not None:
                _write(file, text)
            *lines, self._rest = (self._rest + text).split("\n")
            self._lines.extend(lines)
            self._last_arrival = time.monotonic()

    def _await_end(self) -> None:
        while self._exit_code is None:
            _ignoring(lambda: self._sandbox.wait(raise_on_termination=False))
            self._exit_code = self._sandbox.returncode
            if self._exit_code is None and not _ignoring(self.look):
                time.sleep(_AGAIN)
        self._claim.end()
        self._ended.set()


class Claim:
    """The lock of a folder, by which others see that its sandbox runs; the first one has it."""

    def __init__(self, folder: Path) -> None:
        """Take it where it is free."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.is_first = False
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(self._folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.is_first = True

    def end(self) -> None:
        """Give it back."""
        os.close(self._folder)


def _write(file: TextIO, text: str) -> None:
    # A folder that is gone, or full, is no reason to know less here.
    with contextlib.suppress(OSError):
        if file.tell() > _LARGEST:
            file.seek(0)
            file.truncate()
        file.write(text)
        file.flush()


def _ignoring(task: Callable[[], object]) -> bool:
    """Do it as far as Modal answers; tells whether it did."""
    try:
        task()
    except (exception.Error, OSError):
        return False
    return True


def _start(name: str, task: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=task, name=name, daemon=True)
    thread.start()
    return thread
