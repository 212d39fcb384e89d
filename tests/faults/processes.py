"""The processes of one sandbox: found by the mark in their environment, signalled with care."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from seer_runtime.wire.marks import MARK

_FRONT = b"seer_runtime"
_WORKER = b"seer_runtime.worker"


class SandboxProcesses:
    """Knows the workers of a sandbox, and the front that started them."""

    def __init__(self, sandbox_id: str) -> None:
        """Look for a sandbox that serves something already: its worker leads to its front."""
        self._entry = f"{MARK}={sandbox_id}/".encode()
        self.front = _parent(self.workers()[0])
        if _FRONT not in _command(self.front) or not _is_ours(self.front):
            raise LookupError(f"no front of this process's own: {self.front}")

    def marked(self) -> list[int]:
        """Give every process that carries the mark: the workers, and what they started."""
        return [pid for pid in _pids() if self._is_marked(pid)]

    def workers(self) -> list[int]:
        """Give the workers."""
        return [pid for pid in self.marked() if _WORKER in _command(pid)]

    def is_alive(self, pid: int) -> bool:
        """Tell whether the process is one of the sandbox's, and has not ended."""
        return pid == self.front if self._is_front(pid) else self._is_marked(pid)

    def left(self) -> list[int]:
        """Give everything that is still there."""
        return [*filter(self._is_front, [self.front]), *self.marked()]

    def send(self, pid: int, number: signal.Signals) -> bool:
        """Signal a process of the sandbox; False where it is gone."""
        # The number of a process that ended may be another's by now; its descriptor is not.
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            try:
                if self.is_alive(pid):
                    signal.pidfd_send_signal(descriptor, number)
                    return True
            finally:
                os.close(descriptor)
        return False

    def _is_front(self, pid: int) -> bool:
        return pid == self.front and _FRONT in _command(pid) and _is_ours(pid)

    def _is_marked(self, pid: int) -> bool:
        # Another user's cannot be read, and one that is gone is none.
        with contextlib.suppress(OSError):
            variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            return any(variable.startswith(self._entry) for variable in variables)
        return False


def _pids() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]


def _command(pid: int) -> list[bytes]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return []


def _is_ours(pid: int) -> bool:
    """Tell whether this process started it, or a process that it started."""
    while pid > 1 and pid != os.getpid():
        pid = _parent(pid)
    return pid == os.getpid()


def _parent(pid: int) -> int:
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{pid}/stat").read_text()
        return int(status.rpartition(")")[2].split()[1])
    return 0
