"""The processes of a sandbox, as JSON: `python -m seer_runtime.process_table`.

Linux only: elsewhere, and where a sandbox may not look at `/proc`, it exits with 1.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seer_runtime.wire.marks import MARK, is_marked

_PROC = Path("/proc")
_SAMPLE = 0.3
"""Seconds over which the use of processors is measured."""

_MOST_COMMAND = 500
"""Characters of a command line."""


@dataclass(frozen=True)
class _Process:
    pid: int
    parent: int
    ticks: int
    """What it has used of processors."""

    started: int
    """In ticks since the system booted."""

    pages: int
    """Of memory that it holds."""


def main() -> None:
    """Print them."""
    before = {each.pid: each for each in _processes()}
    if not before:
        sys.exit("/proc names no processes here: they cannot be listed")
    begun = time.monotonic()
    time.sleep(_SAMPLE)
    after = {each.pid: each for each in _processes()}
    seconds = time.monotonic() - begun
    after.pop(os.getpid(), None)
    rows = [_row(after[pid], before.get(pid), seconds) for pid in _of_sandbox(after)]
    print(json.dumps(rows))  # noqa: T201 - whoever started it reads that


def _processes() -> Iterator[_Process]:
    for folder in _PROC.glob("[0-9]*"):
        # It may end at any moment.
        with contextlib.suppress(OSError):
            state, *fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if state not in "ZX":
                yield _Process(
                    pid=int(folder.name),
                    parent=int(fields[0]),
                    ticks=int(fields[10]) + int(fields[11]),
                    started=int(fields[18]),
                    pages=int(fields[20]),
                )


def _of_sandbox(processes: Mapping[int, _Process]) -> Iterator[int]:
    """Give those of the sandbox: all where it has numbers of its own, else what descends from it.

    Its first process has started this one.
    """
    front = processes.get(os.getppid())
    if front is None or front.pid == 1 or front.parent <= 1:
        yield from processes
        return
    mark = os.environ.get(MARK, "").partition("/")[0]
    known = {front.pid}
    known |= {pid for pid in processes if mark and is_marked(pid, f"{mark}/")}
    while more := {pid for pid, each in processes.items() if each.parent in known} - known:
        known |= more
    yield from known & processes.keys()


def _row(process: _Process, before: _Process | None, seconds: float) -> dict[str, Any]:
    tick = 1 / os.sysconf("SC_CLK_TCK")
    ticks = process.ticks - (before.ticks if before is not None else 0)
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - process.started * tick
    return {
        "pid": process.pid,
        "parent": process.parent,
        "cpu_percent": round(100 * ticks * tick / seconds, 1),
        "memory_bytes": process.pages * os.sysconf("SC_PAGE_SIZE"),
        "seconds": round(max(0.0, age), 1),
        "command": _command(process.pid),
    }


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        words = (_PROC / str(pid) / "cmdline").read_bytes().rstrip(b"\0")
        name = words or (_PROC / str(pid) / "comm").read_bytes().rstrip(b"\n")
        text = name.replace(b"\0", b" ").decode(errors="replace")
        return "".join(each if each.isprintable() else " " for each in text)[:_MOST_COMMAND]
    return ""


if __name__ == "__main__":
    main()
