"""How processes ended: their exit status, and whether it was for want of memory."""

from __future__ import annotations

import signal
from typing import NamedTuple

from seer_runtime.wire.exits import describe_exit

_MIB = 1 << 20

_KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
"""Exit statuses of what was killed, and of a shell whose last command was."""


class Exit(NamedTuple):
    """How a process ended."""

    code: int
    """Negative for a signal."""

    words: str
    """What it did, for a sentence about it."""


class Coroner:
    """Tells how processes ended. A process that is killed cannot say why."""

    def __init__(self, memory_events: str, memory_limit: int | None) -> None:
        """Look into a file that counts what was killed for want of memory, if there is one."""
        self._file = memory_events
        self._limit = memory_limit
        self._known = self._count()

    def examine(self, code: int) -> Exit:
        """Say how a process ended that did so just now."""
        return Exit(code, self.cause(code) or describe_exit(code))

    def cause(self, code: int) -> str:
        """Say that a process that ended just now was killed for want of memory, if it was."""
        kills, self._known = self._known, self._count()
        if code in _KILLED and self._known > kills:
            return f"was killed for want of memory: {self._bound()}"
        return ""

    def _bound(self) -> str:
        if self._limit is None:
            return "this machine has no more"
        return f"the sandbox may use {self._limit / _MIB:g} MiB, SandboxConfig(memory=...)"

    def _count(self) -> int:
        try:
            with open(self._file) as lines:
                return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
        except (OSError, ValueError):
            return 0
