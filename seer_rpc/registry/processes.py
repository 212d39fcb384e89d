"""Processes that are known again, though numbers are used more than once."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from typing import NamedTuple, Self


class ProcessIdentity(NamedTuple):
    """A process: its number, and when it started."""

    pid: int
    started: int
    """In the system's own units since it booted; 0 where it does not tell."""

    world: str
    """Where the number means something: the same folder may be seen from several containers."""

    @classmethod
    def own(cls) -> Self:
        """Give this process."""
        return cls(os.getpid(), _started(os.getpid()) or 0, _world())

    @property
    def is_of_this_world(self) -> bool:
        """Whether this process can tell anything of it."""
        return self.world == _world()

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        started = _started(self.pid)
        return started is not None and started in (self.started, 0)


def _world() -> str:
    with contextlib.suppress(OSError):
        return f"{socket.gethostname()} {os.readlink('/proc/self/ns/pid')}"
    return socket.gethostname()


def _started(pid: int) -> int | None:
    """Give when a process started; 0 where the system does not tell, None where it has ended."""
    try:
        # The name, in brackets, may have brackets and spaces in it.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None if Path("/proc/self/stat").exists() else _exists(pid)
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def _exists(pid: int) -> int | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return 0
    return 0
