"""Everything that a command started, wherever it went."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from seer_runtime.wire.marks import is_marked

_ROUNDS = 50
_PAUSE = 0.02


class _Process(NamedTuple):
    pid: int
    parent: int
    group: int
    session: int
    started: int


def end_tree(leader: int, mark: str, grace: float) -> None:
    """Ask all of it to end, and kill what is left after `grace` seconds.

    It is the leader of a session, what is in that session or in its process group, what has the
    mark in its environment, and what descends from any of these. Linux only; elsewhere it is the
    process group.
    """
    tree = _Tree(leader, mark)
    deadline = time.monotonic() + grace
    if tree.send(signal.SIGTERM):
        while time.monotonic() < deadline and tree.send(0):
            time.sleep(_PAUSE)
    for _ in range(_ROUNDS):
        if not tree.send(signal.SIGKILL):
            return
        time.sleep(_PAUSE)


class _Tree:
    def __init__(self, leader: int, mark: str) -> None:
        self._leader = leader
        self._mark = mark
        self._known: set[tuple[int, int]] = set()
        """Processes by their numbers and the times of their start: numbers are used again."""

    def send(self, number: int) -> bool:
        """Send a signal to all that live; tell whether there are any."""
        if not Path("/proc/self/stat").exists():
            return self._send_to_group(number)
        members = self._members()
        for pid in members:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        return bool(members)

    def _members(self) -> set[int]:
        processes = list(_processes())
        members = {each.pid for each in processes if self._belongs(each)}
        while more := {
            each.pid for each in processes if each.parent in members and each.pid not in members
        }:
            members |= more
        self._known |= {(each.pid, each.started) for each in processes if each.pid in members}
        return members

    def _belongs(self, process: _Process) -> bool:
        return (
            self._leader in (process.pid, process.group, process.session)
            or (process.pid, process.started) in self._known
            or is_marked(process.pid, self._mark)
        )

    def _send_to_group(self, number: int) -> bool:
        try:
            os.killpg(self._leader, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True


def _processes() -> Iterator[_Process]:
    """Give those that have not ended."""
    for folder in Path("/proc").glob("[0-9]*"):
        # It may end at any moment.
        with contextlib.suppress(OSError):
            state, *fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if state not in "ZX":
                parent, group, session = map(int, fields[:3])
                yield _Process(int(folder.name), parent, group, session, int(fields[18]))
