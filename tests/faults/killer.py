"""Faults of processes: workers that are killed, workers and fronts that are stopped for a while."""

from __future__ import annotations

import random
import signal
import threading
from types import TracebackType
from typing import Self

from tests.faults.evidence import Evidence
from tests.faults.processes import SandboxProcesses


class Killer:
    """Kills the worker again and again, at a random moment after the first call that it ran.

    A worker that dies before it has served costs the interface: that is a test of its own.
    """

    def __init__(
        self,
        processes: SandboxProcesses,
        evidence: Evidence,
        kills: int,
        seed: int = 0,
        longest: float = 0.1,
    ) -> None:
        """Plan so many kills, each within `longest` seconds."""
        self.done = 0
        self._processes = processes
        self._evidence = evidence
        self._kills = kills
        self._draw = random.Random(seed)
        self._longest = longest
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="killer", daemon=True)

    @property
    def is_done(self) -> bool:
        """Whether all that was planned has happened."""
        return self.done >= self._kills

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """Kill nothing any more."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        killed = 0
        while not self.is_done and not self._stopped.wait(0.002):
            worker = self._evidence.last_pid()
            if worker in (0, killed):
                continue
            self._stopped.wait(self._draw.uniform(0.0, self._longest))
            self.done += self._processes.send(worker, signal.SIGKILL)
            killed = worker


class Stopper:
    """Stops the worker or the front for a while, again and again."""

    def __init__(
        self,
        processes: SandboxProcesses,
        stops: int,
        seed: int = 0,
        longest: float = 0.5,
        between: float = 0.3,
    ) -> None:
        """Plan so many stops of at most `longest` seconds, at most `between` seconds apart."""
        self.done = 0
        self._processes = processes
        self._stops = stops
        self._draw = random.Random(seed)
        self._longest = longest
        self._between = between
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stopper", daemon=True)

    @property
    def is_done(self) -> bool:
        """Whether all that was planned has happened."""
        return self.done >= self._stops

    def stop(self, pid: int, seconds: float) -> bool:
        """Stop a process for a while; False where it is gone."""
        if not self._processes.send(pid, signal.SIGSTOP):
            return False
        try:
            self._stopped.wait(seconds)
        finally:
            self._processes.send(pid, signal.SIGCONT)
        return True

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """Stop nothing any more; whatever was stopped goes on."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self.is_done and not self._stopped.wait(self._draw.uniform(0, self._between)):
            pids = [self._processes.front, *self._processes.workers()]
            self.done += self.stop(self._draw.choice(pids), self._draw.uniform(0, self._longest))
