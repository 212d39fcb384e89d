"""Processes of a sandbox as this machine numbers them: in a world of its own they have others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from seer_rpc.environment import ScopedSandbox

_T = TypeVar("_T", int, list[int], dict[str, int])


def warden_of(sandbox: ScopedSandbox) -> int:
    """Give the process that watches over a sandbox of this process."""
    assert sandbox._run is not None
    process: int = sandbox._run.machine._process.pid  # type: ignore[attr-defined]
    return process


def front_of(sandbox: ScopedSandbox) -> int:
    """Give the process that runs a sandbox."""
    return next(pid for pid in descendants(warden_of(sandbox)) if _is_front(pid))


def on_host(owner: ScopedSandbox | int, pids: _T) -> _T:
    """Give the numbers here of what a sandbox knows under its own: `owner`'s, or a process's."""
    root = owner if isinstance(owner, int) else warden_of(owner)
    known = {_numbers(pid)[-1]: pid for pid in descendants(root)}
    if isinstance(pids, dict):
        return {name: known[pid] for name, pid in pids.items()}
    if isinstance(pids, list):
        return [known[pid] for pid in pids]
    return known[pids]


def descendants(root: int) -> list[int]:
    """Give what a process started, and what that did, the youngest first."""
    parents = {pid: _parent(pid) for pid in _all()}
    found = [root]
    for each in found:
        found += sorted(pid for pid, parent in parents.items() if parent == each)
    return found[:0:-1]


def _is_front(pid: int) -> bool:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return b"seer_runtime" in command and not command[0].endswith(b"bwrap")


def _all() -> Iterator[int]:
    return (int(folder.name) for folder in Path("/proc").glob("[0-9]*"))


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _numbers(pid: int) -> list[int]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return [0]
    return next(list(map(int, line.split()[1:])) for line in lines if line.startswith("NSpid:"))
