"""The journal: two files in a sandbox's folder to which its processes append what was called."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

CURRENT = "journal"
PREVIOUS = "journal.previous"
RUN = "run"
"""Where it is in a sandbox's folder, with all else that its processes write for others."""

LIMIT = 32 << 20
"""Bytes of each file."""

PERIOD = 0.2
"""Seconds between two looks at what is to be written."""


class JournalFile:
    """The newer file, as a writer uses it; full, it takes the place of the older one."""

    def __init__(self, folder: str, limit: int = LIMIT) -> None:
        """Write into `folder`; nothing is there before the first chunk."""
        self._folder = Path(folder)
        self._limit = limit

    def append(self, chunk: bytes) -> None:
        """Add a chunk.

        Raises:
            OSError: there is no room for it, or the folder is gone.
        """
        descriptor = self._open()
        try:
            size = os.fstat(descriptor).st_size
            if size and size + len(chunk) > self._limit:
                self._put_aside(descriptor)
                os.close(descriptor)
                descriptor = self._open()
            # In one piece: other processes append too.
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        return os.open(self._folder / CURRENT, flags, 0o600)

    def _put_aside(self, descriptor: int) -> None:
        # Whoever else finds it full waits here, and then sees that it was put aside.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(self._folder / CURRENT)):
                (self._folder / CURRENT).replace(self._folder / PREVIOUS)


def hold(folder: str) -> int:
    """Let others see that the sandbox of this folder runs, until the descriptor is closed."""
    descriptor = _look(folder)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def is_held(folder: str) -> bool:
    """Tell whether the sandbox of this folder runs."""
    try:
        descriptor = _look(folder)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _look(folder: str) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
