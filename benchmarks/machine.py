"""What a reader must know of the machine and of how busy it was."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import resource
import time
from dataclasses import dataclass, field
from pathlib import Path

_PACKAGES = ("seer-rpc", "grpcio", "numpy", "torch", "rpyc", "Pyro5", "ray", "pyarrow", "nnsight")
_BUSY_LOAD = 0.5
_BUSY_SHARE = 0.25
_BUSY_COLUMNS = (0, 1, 2, 5, 6)
"""In /proc/stat: user, nice, system, irq, softirq."""


def installed_versions() -> dict[str, str]:
    """Give the version of every package that counts and is there."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


@dataclass(frozen=True)
class Machine:
    """The machine during a run."""

    cores: int
    load_before: float
    load_after: float
    others: float
    """The share of the processors that went to anything but the benchmark.

    Roughly: of a process that a peer leaves to itself nobody hears how long it ran.
    """

    system: str = field(default_factory=platform.platform)
    versions: dict[str, str] = field(default_factory=installed_versions)

    @property
    def was_busy(self) -> bool:
        """Whether something else ran: ratios are doubtful then."""
        return self.load_before > _BUSY_LOAD * self.cores or self.others > _BUSY_SHARE

    def __str__(self) -> str:
        """Give one line."""
        return (
            f"{self.cores} cores, load average {self.load_before:.2f} before and "
            f"{self.load_after:.2f} after; others used {self.others:.0%} of the processors"
        )


class Watch:
    """Notices what the machine does between its making and `machine()`."""

    def __init__(self) -> None:
        """Begin."""
        self._load = os.getloadavg()[0]
        self._begun = time.monotonic()
        self._all, self._own = _busy_seconds(), _own_seconds()

    def machine(self) -> Machine:
        """Tell what it was like until now."""
        cores = os.cpu_count() or 1
        capacity = (time.monotonic() - self._begun) * cores
        foreign = (_busy_seconds() - self._all) - (_own_seconds() - self._own)
        return Machine(cores, self._load, os.getloadavg()[0], max(0.0, foreign / capacity))


def _busy_seconds() -> float:
    """Give the time that all processors were busy, with whatever."""
    columns = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    return sum(int(columns[i]) for i in _BUSY_COLUMNS) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    """Give the time that this process took, with all descendants that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
