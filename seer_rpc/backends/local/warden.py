"""The warden of one sandbox: starts its first process, watches over it, and buries it.

A program of its own, `python -I -S warden.py`, that outlives the sandbox's owner and is no part of
the sandbox. It is on the way of every start: what it does not need for that it imports later.

Standard input begins with what it is to know (see `Plan`); the rest is the first process's own.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator, Sequence

_KILL, _TERM, _CONT = 9, 15, 18
_MAX_LOG = 4 << 20
_LAST_LINES = 20
_LOOK = 1.0
"""Seconds between two looks at what a sandbox uses."""

_CLOSE_LOOK = 0.1
_PATIENCE = 12.0
"""Seconds in which a sandbox ends by itself when it is asked to."""

_GRACE = 5.0
"""Seconds beyond its lifetime in which it may do so, and in which what was killed must be gone."""

_FIRST_DESCRIPTOR = 10
_MIB = 1 << 20


class Plan:
    """What the owner says: names, each with the values that follow it."""

    def __init__(self, content: bytes) -> None:
        """Read `NAME COUNT VALUE...`, each behind its length and a colon."""
        parts = iter(_split(content))
        values = {name: [next(parts) for _ in range(int(next(parts)))] for name in parts}
        texts = {name.decode(): [os.fsdecode(each) for each in values[name]] for name in values}
        self.command = texts["command"]
        self.environment = dict(each.split("=", 1) for each in texts["environment"])
        self.descriptors = values[b"descriptors"]
        """Contents of files that the first process finds open, from descriptor 10 on."""

        self.folder = texts["folder"][0]
        self.remove = texts["remove"]
        """Folders that go with the sandbox."""

        self.obituaries = texts["obituaries"]
        self.measured = texts["measured"]
        """Folders that the limit of the disk is about."""

        self.groups = texts["groups"]
        """Control groups to be in."""

        self.memory_events = texts["memory_events"][0]
        """The file that counts what is killed for want of memory."""

        self.watches_memory = bool(texts["watches_memory"])
        """Whether it is for this process to kill, and to count."""

        self.owner = int(texts["owner"][0])
        self.is_detached = bool(texts["is_detached"])
        self.lifetime, self.memory, self.disk, self.processes = (
            float(texts[name][0]) if texts[name] else None
            for name in ("lifetime", "memory", "disk", "processes")
        )
        self.processors = [int(each) for each in texts["processors"]]


def _split(content: bytes) -> Iterator[bytes]:
    begin = 0
    while begin < len(content):
        colon = content.index(b":", begin)
        begin = colon + 1 + int(content[begin:colon])
        yield content[colon + 1 : begin]


class Log:
    """The end of what the sandbox's processes print, in two files of bounded size."""

    def __init__(self, folder: str) -> None:
        """Go on with what is in the folder."""
        self._path = os.path.join(folder, "log")
        self._file = self._open()

    def write(self, data: bytes) -> None:
        """Add to it; what does not fit on the disk is lost."""
        try:
            if os.fstat(self._file).st_size > _MAX_LOG:
                os.replace(self._path, f"{self._path}.previous")
                os.close(self._file)
                self._file = self._open()
            os.write(self._file, data)
        except OSError:
            return

    def last(self) -> list[str]:
        """Give the newest lines."""
        with open(self._path, "rb") as file:
            file.seek(max(0, os.fstat(self._file).st_size - (64 << 10)))
            return file.read().decode(errors="replace").splitlines()[-_LAST_LINES:]

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


class Warden:
    """Watches over one sandbox until nobody wants it any more."""

    def __init__(self, plan: Plan) -> None:
        """Start the sandbox's first process."""
        self._plan = plan
        self._began = time.monotonic()
        self._output, writing = os.pipe()
        os.set_blocking(self._output, False)
        self._child = os.fork()
        if self._child == 0:
            _become(plan, writing)
        for descriptor in (0, 1, writing):
            os.close(descriptor)
        _adopt_orphans()
        self._log = Log(plan.folder)
        self._status: int | None = None
        self._is_buried = self._is_silent = False
        self._asked: float | None = None
        self._cause = ""
        self._killed_for_memory = self._kills = 0
        self._next_measurement = 0.0
        self._poll = select.poll()
        self._poll.register(self._output, select.POLLIN)
        self._child_end = self._wake_at_end_of(self._child)
        if not plan.is_detached:
            self._wake_at_end_of(plan.owner)
        self._requests = self._listen()

    def run(self) -> None:
        """Watch until the sandbox has ended and its owner has said so, or is gone itself."""
        while self._is_wanted():
            for descriptor, _ in self._poll.poll(self._pause * 1000):
                if descriptor == self._output:
                    self._drain()
                elif descriptor == self._requests:
                    self._ask_to_end()
            self._reap()
            self._check()
            if self._status is not None and not self._is_buried:
                self._bury()
        self._kill()
        for group in self._plan.groups:
            _remove_group(group)
        if self._plan.is_detached or not self._has_owner:
            self._remove()

    @property
    def _has_owner(self) -> bool:
        return os.getppid() == self._plan.owner

    def _is_wanted(self) -> bool:
        if self._status is not None and (self._asked or self._plan.is_detached):
            return False
        return self._plan.is_detached or self._has_owner

    @property
    def _pause(self) -> float:
        watches = self._plan.watches_memory or not hasattr(os, "pidfd_open")
        return _CLOSE_LOOK if watches and self._status is None else _LOOK

    def _wake_at_end_of(self, pid: int) -> int | None:
        """Have the end of a process wake this one up; None where it is looked for instead."""
        try:
            descriptor = os.pidfd_open(pid)
        except (ProcessLookupError, AttributeError):
            return None
        self._poll.register(descriptor, select.POLLIN)
        return descriptor

    def _listen(self) -> int:
        """Have signals wake this process up: SIGTERM asks for the sandbox's end."""
        import signal

        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.signal(_TERM, lambda *_: None)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        self._poll.register(reading, select.POLLIN)
        return reading

    def _drain(self) -> bool:
        """Take from what the sandbox printed; False where there is nothing."""
        try:
            data = os.read(self._output, 1 << 16)
        except BlockingIOError:
            return False
        if data:
            self._log.write(data)
        elif not self._is_silent:
            self._is_silent = True
            self._poll.unregister(self._output)
        return bool(data)

    def _reap(self) -> None:
        """Take leave of what died: orphans of the sandbox are this process's children."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._child:
                    self._status = status
        except ChildProcessError:
            return

    def _ask_to_end(self) -> None:
        """Have the sandbox end by itself; what is stopped could not take notice."""
        os.read(self._requests, 1 << 10)
        if self._asked is None and self._status is None:
            self._asked = time.monotonic()
            family = _family()
            for pid in family:
                _signal(pid, _CONT)
            _signal(next((pid for pid in family if _is_second(pid)), self._child), _TERM)
        self._asked = self._asked or time.monotonic()

    def _check(self) -> None:
        """End what is beyond its limits."""
        if self._status is not None:
            return
        plan, now = self._plan, time.monotonic()
        self._kills = _count_kills(plan.memory_events)
        if self._asked is not None and now > self._asked + _PATIENCE:
            self._end("it did not end when it was asked to")
        elif plan.lifetime is not None and now > self._began + plan.lifetime + _GRACE:
            self._end(f"it went on beyond its lifetime of {plan.lifetime:g} s")
        elif plan.disk is not None and now > self._next_measurement:
            self._check_disk(plan.disk)
        if plan.memory is not None and plan.watches_memory:
            self._check_memory(plan.memory)

    def _check_disk(self, limit: float) -> None:
        began = time.monotonic()
        size = _size(self._plan.measured)
        self._next_measurement = began + max(_LOOK, 10 * (time.monotonic() - began))
        if size > limit:
            self._end(f"its files took more than {limit / _MIB:g} MiB, SandboxConfig(disk=...)")

    def _check_memory(self, limit: float) -> None:
        sizes = {pid: _memory(pid) for pid in _family()}
        if sum(sizes.values()) > limit:
            self._killed_for_memory += 1
            # In its place: the sandbox sees this very file.
            with open(self._plan.memory_events, "r+") as file:
                file.write(f"oom_kill {self._killed_for_memory}\n")
            _signal(max(sizes, key=lambda pid: sizes[pid]), _KILL)

    def _end(self, cause: str) -> None:
        self._cause = cause
        self._log.write(f"seer: the sandbox is ended: {cause}\n".encode())
        self._kill()

    def _kill(self) -> None:
        """Kill everything that the sandbox runs, wherever it went."""
        deadline = time.monotonic() + _GRACE
        while (family := _family()) and time.monotonic() < deadline:
            for pid in family:
                _signal(pid, _KILL)
            self._reap()
            time.sleep(0.002)
        self._reap()

    def _bury(self) -> None:
        """Write down how the sandbox ended, once nothing of it is left."""
        self._is_buried = True
        if self._child_end is not None:
            self._poll.unregister(self._child_end)
        self._kill()
        while self._drain():
            pass
        if self._asked is not None and not self._plan.is_detached:
            return
        code = os.waitstatus_to_exitcode(self._status or 0)
        # bubblewrap tells of a signal as shells do.
        code = 128 - code if code > 128 else code
        if (
            code == -_KILL
            and not self._cause
            and _count_kills(self._plan.memory_events) > self._kills
        ):
            self._cause = _out_of_memory(self._plan.memory)
        _write_obituary(self._plan.obituaries, code, self._log.last(), self._cause)

    def _remove(self) -> None:
        import shutil

        for folder in self._plan.remove:
            shutil.rmtree(folder, ignore_errors=True)


def _become(plan: Plan, output: int) -> None:
    """Be the sandbox's first process."""
    try:
        os.setsid()
        for group in plan.groups:
            with open(os.path.join(group, "cgroup.procs"), "w") as file:
                file.write("0")
        _limit(plan)
        os.dup2(output, 2)
        for number, content in enumerate(plan.descriptors, _FIRST_DESCRIPTOR):
            descriptor = os.memfd_create("settings")
            os.write(descriptor, content)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.dup2(descriptor, number)
        os.execve(plan.command[0], plan.command, plan.environment)
    except BaseException as error:  # noqa: BLE001 - never go on as a second warden
        os.write(output, f"seer: cannot start {plan.command[0]}: {error}\n".encode())
    os._exit(127)


def _limit(plan: Plan) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if plan.disk is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(plan.disk), int(plan.disk)))
    if plan.processes is not None:
        resource.setrlimit(resource.RLIMIT_NPROC, (int(plan.processes), int(plan.processes)))
    if plan.processors:
        os.sched_setaffinity(0, plan.processors)


def _adopt_orphans() -> None:
    """Become the parent of what the sandbox leaves behind: so it stays in sight."""
    import ctypes
    import sys

    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def _family() -> list[int]:
    """Give all descendants of this process that live."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    # The name, in brackets, may have brackets and spaces in it.
                    state, parent = file.read().rpartition(b")")[2].split()[:2]
            except OSError:
                continue
            if state != b"Z":
                children.setdefault(int(parent), []).append(int(name))
    found = [os.getpid()]
    for pid in found:
        found += children.pop(pid, ())
    return found[1:]


def _is_second(pid: int) -> bool:
    """Tell whether a process is the one that bubblewrap started: the second one in its world."""
    try:
        with open(f"/proc/{pid}/status") as file:
            numbers = next((line.split() for line in file if line.startswith("NSpid:")), [])
    except OSError:
        return False
    return len(numbers) > 2 and numbers[-1] == "2"


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _memory(pid: int) -> int:
    """Give the bytes that are a process's own."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return sum(
                int(line.split()[1]) << 10
                for line in file
                if line.startswith(("RssAnon:", "RssShmem:"))
            )
    except OSError:
        return 0


def _size(folders: Sequence[str]) -> float:
    """Give the bytes that folders take; infinity where that cannot be measured."""
    total, linked, left = 0.0, set[tuple[int, int]](), list(folders)
    while left:
        try:
            for status in _states(left.pop(), left):
                known = (status.st_dev, status.st_ino)
                if status.st_nlink == 1 or known not in linked:
                    total += 512 * status.st_blocks
                    linked.add(known)
        except FileNotFoundError:
            continue
        except OSError:
            return float("inf")
    return total


def _states(folder: str, folders: list[str]) -> Iterator[os.stat_result]:
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                yield entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
            except FileNotFoundError:
                continue


def _count_kills(file: str) -> int:
    try:
        with open(file) as lines:
            return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
    except OSError:
        return 0


def _out_of_memory(limit: float | None) -> str:
    if limit is None:
        return "this machine had no memory left for it"
    return f"it used more than its {limit / _MIB:g} MiB of memory, SandboxConfig(memory=...)"


def _write_obituary(files: Sequence[str], code: int, log: Sequence[str], cause: str) -> None:
    import json

    for name in files:
        with open(f"{name}.partial", "w") as file:
            json.dump({"exit_code": code, "log": log, "cause": cause}, file)
        os.replace(f"{name}.partial", name)


def _remove_group(group: str) -> None:
    for _ in range(100):
        try:
            os.rmdir(group)
        except FileNotFoundError:
            return
        except OSError:
            # What was killed takes a moment to leave it.
            time.sleep(0.01)
        else:
            return


def _read(size: int) -> bytes:
    content = b""
    while len(content) < size and (more := os.read(0, size - len(content))):
        content += more
    return content


def _read_plan() -> Plan:
    """Read as many bytes as the first ten, a number, say; the rest is not for this process."""
    return Plan(_read(int(_read(10))))


if __name__ == "__main__":
    Warden(_read_plan()).run()
