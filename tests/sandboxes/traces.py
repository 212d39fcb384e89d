"""What sandboxes leave on a machine: processes, descriptors, threads, mounts, groups, files."""

from __future__ import annotations

import contextlib
import gc
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from seer_runtime.wire.marks import FRONT, MARK

_PATIENCE = 10.0


class Traces:
    """Those of some sandboxes; others may run on this machine meanwhile."""

    def __init__(self, *sandboxes: str) -> None:
        self.sandboxes = set(sandboxes)

    def fronts(self) -> list[int]:
        """Give the processes that are fronts."""
        return [pid for pid, variables in _environments() if self._is_in(FRONT, variables)]

    def wardens(self) -> list[int]:
        """Give the processes that watch over them: whose death nothing of a sandbox survives."""
        found = set()
        for pid in self.fronts():
            while pid > 1 and b"warden.py" not in _read(pid, "cmdline"):
                pid = int(_read(pid, "stat").rpartition(b")")[2].split()[1])
            found.add(pid)
        return [pid for pid in found if pid > 1]

    def everything(self) -> Counter[str]:
        """Count what there is, by its kind."""
        gc.collect()
        marks = (MARK, FRONT)
        marked = [
            pid
            for pid, variables in _environments()
            if any(self._is_in(mark, variables) for mark in marks)
        ]
        children = sum(len(each.split()) for each in _children())
        return Counter(
            {
                "processes": len(marked),
                "children": children,
                "descriptors": len(os.listdir("/proc/self/fd")),
                "threads": len(threading.enumerate()),
                "mounts": sum(1 for _ in self._mounts()),
                "control groups": sum(1 for _ in self._groups()),
                "temporary files": sum(1 for _ in Path(tempfile.gettempdir()).glob("seer-*")),
                "folders": sum(1 for _ in _folders()),
            }
        )

    def left_since(self, before: Counter[str]) -> list[str]:
        """Give what there is more of than there was, once it had some time to go."""
        deadline = time.monotonic() + _PATIENCE
        while (more := self.everything() - before) and time.monotonic() < deadline:
            time.sleep(0.1)
        return [f"{number} {kind}" for kind, number in more.items()]

    def _groups(self) -> Iterator[Path]:
        # Unlike a glob, a walk goes on where groups of others end meanwhile.
        for folder, names, _ in os.walk("/sys/fs/cgroup"):
            for name in names:
                if any(sandbox in name for sandbox in self.sandboxes):
                    yield Path(folder, name)

    def _mounts(self) -> Iterator[str]:
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            if any(sandbox in line for sandbox in self.sandboxes):
                yield line

    def _is_in(self, variable: str, variables: list[bytes]) -> bool:
        entries = tuple(f"{variable}={each}".encode() for each in self.sandboxes)
        return any(each.startswith(entries) for each in variables)


@contextlib.contextmanager
def own_temporary_folder() -> Iterator[None]:
    """Have what this process puts aside where no other one does."""
    usual = tempfile.gettempdir()
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = usual


def _read(pid: int, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()


def _children() -> Iterator[str]:
    for thread in os.listdir("/proc/self/task"):
        # Threads end meanwhile.
        with contextlib.suppress(OSError):
            yield Path("/proc/self/task", thread, "children").read_text()


def _environments() -> Iterator[tuple[int, list[bytes]]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield int(folder.name), (folder / "environ").read_bytes().split(b"\0")


def _folders() -> Iterator[Path]:
    with contextlib.suppress(FileNotFoundError):
        yield from Path(os.environ["XDG_STATE_HOME"], "seer", "sandboxes").iterdir()
