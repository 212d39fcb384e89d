"""What a reader must know of the machine and of how busy it was."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from dataclasses import dataclass, field

_PACKAGES = ("seer-rpc", "grpcio", "numpy", "torch", "rpyc", "Pyro5", "ray", "pyarrow")
_BUSY = 0.5


def load_average() -> float:
    """Give the processes that wanted to run, over the last minute."""
    return os.getloadavg()[0]


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

    load_before: float
    load_after: float
    cores: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    system: str = field(default_factory=platform.platform)
    versions: dict[str, str] = field(default_factory=installed_versions)

    @property
    def was_busy(self) -> bool:
        """Whether something else ran when it began: ratios are doubtful then."""
        return self.load_before > _BUSY * self.cores

    def __str__(self) -> str:
        """Give one line."""
        return (
            f"load average {self.load_before:.2f} before, {self.load_after:.2f} after, "
            f"on {self.cores} cores"
        )
