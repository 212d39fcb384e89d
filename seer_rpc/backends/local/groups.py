"""Control groups: what the kernel itself holds a sandbox's processes to, where it may."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from seer_rpc.backends.protocol import Limits

_MOUNTS = Path("/proc/self/mounts")
_OWN = Path("/proc/self/cgroup")
_PATIENCE = 1.0
_PERIOD = 100_000
"""Microseconds over which processor time is shared out."""

_LEAST, _LONGEST = 1_000, 1_000_000
"""What the kernel takes of it, in microseconds."""


class Groups(NamedTuple):
    """The groups of one sandbox, and what they hold it to."""

    folders: Sequence[Path] = ()
    controllers: frozenset[str] = frozenset()
    memory_events: Path | None = None
    """The file that counts what the kernel killed for want of memory."""

    def remove(self) -> None:
        """Remove them, once what was killed in them has left; what is left is killed."""
        deadline = time.monotonic() + _PATIENCE
        for folder in self.folders:
            _kill_all(folder)
            while folder.exists() and time.monotonic() < deadline:
                with contextlib.suppress(OSError):
                    folder.rmdir()
                    break
                time.sleep(0.01)


def make_groups(name: str, limits: Limits) -> Groups:
    """Make groups of this name for a sandbox's processes to be in, as far as that is allowed."""
    return _make_unified(name, limits) or _make_separate(name, limits)


def group_places(name: str) -> Iterator[Path]:
    """Give where groups of this name may be made."""
    mounted, places = _mounted(), _own_places()
    for controller in ("memory", "pids", "cpu"):
        if controller in mounted and controller in places:
            yield mounted[controller] / places[controller] / name
    yield from (parent / name for parent in _own_branch())


def _kill_all(folder: Path) -> None:
    with contextlib.suppress(OSError):
        if processes := (folder / "cgroup.procs").read_text().split():
            (folder / "pids.max").write_text("0")
        for pid in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def _make_unified(name: str, limits: Limits) -> Groups | None:
    """Make one group of the second version, in a part of the tree that is this user's."""
    for parent in _own_branch():
        folder = parent / name
        try:
            if not {"memory", "pids"} <= set(
                (parent / "cgroup.subtree_control").read_text().split()
            ):
                continue
            folder.mkdir()
        except OSError:
            continue
        try:
            _write(folder / "memory.max", limits.memory)
            _write(folder / "memory.swap.max", limits.memory and 0)
            _write(folder / "pids.max", limits.processes)
            if limits.cpus is not None and (folder / "cpu.max").exists():
                (folder / "cpu.max").write_text("{} {}".format(*_share(limits.cpus)))
        except OSError:
            folder.rmdir()
            continue
        controllers = frozenset((folder / "cgroup.controllers").read_text().split())
        return Groups([folder], controllers, folder / "memory.events")
    return None


def _own_branch() -> Iterator[Path]:
    """Give the groups, of the second version, that this process is in, the innermost first."""
    place = _own_places().get("")
    root = _mounted().get("cgroup2")
    if place is not None and root is not None:
        own = root / place
        yield from (each for each in (own, *own.parents) if each.is_relative_to(root))


def _make_separate(name: str, limits: Limits) -> Groups:
    """Make groups of the first version, one for each controller, below those of this process."""
    made: dict[str, Path] = {}
    for controller, values in _first_version(limits).items():
        root = _mounted().get(controller)
        place = _own_places().get(controller)
        if root is None or place is None:
            continue
        folder = root / place / name
        with contextlib.suppress(OSError):
            folder.mkdir()
            try:
                for file, value in values.items():
                    _write(folder / file, value)
            except OSError:
                folder.rmdir()
                continue
            made[controller] = folder
    memory = made.get("memory")
    events = memory / "memory.oom_control" if memory is not None else None
    return Groups(list(made.values()), frozenset(made), events)


def _first_version(limits: Limits) -> dict[str, dict[str, int | None]]:
    values: dict[str, dict[str, int | None]] = {
        "memory": {"memory.limit_in_bytes": limits.memory},
        "pids": {"pids.max": limits.processes},
    }
    if limits.cpus is not None:
        quota, period = _share(limits.cpus)
        values["cpu"] = {"cpu.cfs_period_us": period, "cpu.cfs_quota_us": quota}
    return values


def _share(cpus: float) -> tuple[int, int]:
    """Give the time that there is in a period, and the period: the kernel wants a least time."""
    period = _PERIOD if cpus * _PERIOD >= _LEAST else _LONGEST
    return max(_LEAST, int(cpus * period)), period


def _mounted() -> dict[str, Path]:
    """Give where each controller of the first version is mounted, and the second one as a whole."""
    found: dict[str, Path] = {}
    for line in _MOUNTS.read_text().splitlines():
        _, place, kind, options, *_ = line.split(" ")
        if kind == "cgroup2":
            found[kind] = Path(place)
        elif kind == "cgroup":
            found.update((option, Path(place)) for option in options.split(","))
    return found


def _own_places() -> dict[str, str]:
    """Give where in its tree this process is, for each controller; "" is the second version."""
    places: dict[str, str] = {}
    for line in _OWN.read_text().splitlines():
        _, controllers, place = line.split(":", 2)
        places.update((controller, place.lstrip("/")) for controller in controllers.split(","))
    return places


def _write(file: Path, value: int | None) -> None:
    if value is not None and (file.exists() or not file.name.endswith("swap.max")):
        file.write_text(str(value))


def own_processors(cpus: float) -> list[int]:
    """Give as many of this process's processors as `cpus` needs."""
    return sorted(os.sched_getaffinity(0))[: max(1, -int(-cpus // 1))]
