"""Faults of processes: workers that are killed, workers and fronts that are stopped for a while."""

from __future__ import annotations

import random
import signal
import threading
from types import TracebackType
from typing import Self

from tests.faults.evidence import Evidence
from tests.faults.processes import SandboxProcesses


class ProcessFaults:
    """Does something to processes, again and again, on a thread of its own."""

    def __init__(self, processes: SandboxProcesses, planned: int, seed: int) -> None:
        """Plan so many faults; `seed` decides when they come."""
        self.done = 0
        self.processes = processes
        self.draw = random.Random(seed)
        self.stopped = threading.Event()
        self._planned = planned
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def is_done(self) -> bool:
        """Whether all that was planned has happened."""
        return self.done >= self._planned

    def strike(self) -> bool:
        """Wait for the next moment, and do it; False where it could not be done."""
        raise NotImplementedError

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
        """Do nothing any more."""
        self.stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self.is_done and not self.stopped.is_set():
            self.done += self.strike()


class Killer(ProcessFaults):
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
        super().__init__(processes, kills, seed)
        self._evidence = evidence
        self._longest = longest
        self._killed = 0

    def strike(self) -> bool:
        """Kill the worker that ran a call since the last kill."""
        worker = self._evidence.last_pid()
        if worker in (0, self._killed):
            self.stopped.wait(0.002)
            return False
        self.stopped.wait(self.draw.uniform(0.0, self._longest))
        self._killed = worker
        return self.processes.send(worker, signal.SIGKILL)


class Stopper(ProcessFaults):
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
        super().__init__(processes, stops, seed)
        self._longest = longest
        self._between = between

    def strike(self) -> bool:
        """Stop one of them."""
        if self.stopped.wait(self.draw.uniform(0, self._between)):
            return False
        pids = [self.processes.front, *self.processes.workers()]
        return self.stop(self.draw.choice(pids), self.draw.uniform(0, self._longest))

    def stop(self, pid: int, seconds: float) -> bool:
        """Stop a process for a while, no longer than to the end; False where it is gone."""
        if not self.processes.send(pid, signal.SIGSTOP):
            return False
        try:
            self.stopped.wait(seconds)
        finally:
            self.processes.send(pid, signal.SIGCONT)
        return True
