"""The processes of a sandbox, known by a mark in the environment that their children inherit."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

MARK = "SEER_SANDBOX"
"""The variable: `SANDBOX_ID/WORKER_NUMBER/`, or `SANDBOX_ID/cCOMMAND_NUMBER/`."""

FRONT = "SEER_FRONT"
"""The variable of a sandbox's front, which its workers do not inherit: `SANDBOX_ID`."""

WARDEN = "SEER_WARDEN"
"""The variable of what watches over a sandbox from outside: `SANDBOX_ID`."""

_ROUNDS = 50


def kill_marked(mark: str, variable: str = MARK) -> None:
    """Kill every process whose mark begins with `mark`: a sandbox's id, or one of its workers.

    Finds them wherever they went, in sessions of their own too, unless they cleared their
    environment. Linux only; elsewhere it finds none.
    """
    for _ in range(_ROUNDS):
        victims = list(marked(mark, variable))
        if not victims:
            return
        for pid in victims:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def is_marked(pid: int, mark: str, variable: str = MARK) -> bool:
    """Tell whether a process has a mark that begins with `mark`."""
    # A process that is gone, or another user's, cannot be read; a zombie has nothing left.
    with contextlib.suppress(OSError):
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        entry = f"{variable}={mark}".encode()
        return any(variable.startswith(entry) for variable in variables)
    return False


def marked(mark: str, variable: str = MARK) -> Iterator[int]:
    """Give the processes whose mark begins with `mark`."""
    pids = (int(folder.name) for folder in Path("/proc").glob("[0-9]*"))
    return (pid for pid in pids if is_marked(pid, mark, variable))
