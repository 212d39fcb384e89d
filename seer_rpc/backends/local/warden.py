"""The warden of one sandbox: starts its first process, watches over it, and buries it.

A program of its own, `python -I -S warden.py`, that outlives the sandbox's owner and is no part of
the sandbox. It is on the way of every start: what it does not need for that it imports later.

Standard input begins with what there is to remove should its owner die before it has said more,
and with what to do (see `Plan`); the rest is the first process's own.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator, Sequence

_KILL, _RELEASE, _TERM, _CONT = 9, 10, 15, 18
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
_ROUNDS = 100
_PIECE = 1 << 16
_BREATH = 0.002
"""Seconds between two pieces of a flood: what prints waits, this process does not."""

_BRIEFLY = 0.02
"""Seconds that are measured at a time."""

_SMALLEST = 4096
"""Bytes that a file takes at least, for what the disk has to keep of it."""

_DEEPEST = 500
_MIB = 1 << 20


class Leftovers:
    """What there is to remove where nothing was started: the owner says so first of all."""

    def __init__(self, content: bytes) -> None:
        """Read it as a plan is read."""
        texts = _texts(_values(content))
        self.owner = int(texts["owner"][0])
        self.remove = texts["remove"]
        self.groups = texts["groups"]
        """Control groups that may have been made."""


class Plan:
    """What the owner says: names, each with the values that follow it."""

    def __init__(self, content: bytes) -> None:
        """Read `NAME COUNT VALUE...`, each behind its length and a colon."""
        values = _values(content)
        texts = _texts(values)
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


def _values(content: bytes) -> dict[bytes, list[bytes]]:
    parts = iter(_split(content))
    return {name: [next(parts) for _ in range(int(next(parts)))] for name in parts}


def _texts(values: dict[bytes, list[bytes]]) -> dict[str, list[str]]:
    return {name.decode(): [os.fsdecode(each) for each in values[name]] for name in values}


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
        self._next_check = self._next_measurement = 0.0
        self._measurement: Iterator[float] = iter(())
        self._poll = select.poll()
        self._poll.register(self._output, select.POLLIN)
        self._child_end = self._wake_at_end_of(self._child)
        self._owner_end = None if plan.is_detached else self._wake_at_end_of(plan.owner)
        self._requests = self._listen()

    def run(self) -> None:
        """Watch until the sandbox has ended and its owner has said so, or is gone itself."""
        while self._is_wanted():
            for descriptor, _ in self._poll.poll(self._pause * 1000):
                if descriptor == self._output:
                    self._drain()
                elif descriptor == self._requests:
                    self._heed()
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
        if not self._has_owner:
            # It may have said that the sandbox outlives it, and this process not have heard yet.
            self._heed()
        if self._status is not None and (self._asked or self._plan.is_detached):
            return False
        return self._plan.is_detached or self._has_owner

    @property
    def _pause(self) -> float:
        plan = self._plan
        watches = plan.watches_memory or plan.disk is not None or not hasattr(os, "pidfd_open")
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
        """Have signals wake this process up.

        SIGTERM asks for the sandbox's end; SIGUSR1 says that it outlives its owner.
        """
        import signal

        reading, writing = os.pipe()
        for descriptor in (reading, writing):
            os.set_blocking(descriptor, False)
        for number in (_TERM, _RELEASE):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        self._poll.register(reading, select.POLLIN)
        return reading

    def _drain(self) -> bool:
        """Take from what the sandbox printed; False where there is nothing."""
        try:
            data = os.read(self._output, _PIECE)
        except BlockingIOError:
            return False
        if data:
            self._log.write(data)
            if len(data) == _PIECE:
                time.sleep(_BREATH)
        elif not self._is_silent:
            self._is_silent = True
            self._poll.unregister(self._output)
        return bool(data)

    def _reap(self) -> bool:
        """Take leave of what died; tell whether anything of the sandbox lives.

        Its orphans are this process's children: where there is no child, nothing can be hidden.
        """
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return True
                if pid == self._child:
                    self._status = status
        except ChildProcessError:
            return False

    def _heed(self) -> None:
        """Do what signals ask for."""
        try:
            numbers = os.read(self._requests, 1 << 10)
        except BlockingIOError:
            return
        if _RELEASE in numbers and not self._plan.is_detached:
            self._plan.is_detached = True
            # What tells of its end stays.
            self._plan.remove = self._plan.measured
            if self._owner_end is not None:
                self._poll.unregister(self._owner_end)
        if _TERM in numbers:
            self._ask_to_end()

    def _ask_to_end(self) -> None:
        """Have the sandbox end by itself; what is stopped could not take notice."""
        if self._asked is None and self._status is None:
            self._asked = time.monotonic()
            family = _family()
            for pid in family:
                _signal(pid, _CONT)
            _signal(next((pid for pid in family if _is_second(pid)), self._child), _TERM)
        self._asked = self._asked or time.monotonic()

    def _check(self) -> None:
        """End what is beyond its limits."""
        plan, now = self._plan, time.monotonic()
        if self._status is not None or now < self._next_check:
            return
        self._next_check = now + _CLOSE_LOOK / 2
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
        """Measure on, a little at a time: there may be any number of files."""
        began = now = time.monotonic()
        size: float | None = 0.0
        while size is not None and size <= limit and now < began + _BRIEFLY:
            size, now = next(self._measurement, None), time.monotonic()
        if size is None:
            self._measurement = _sizes(self._plan.measured)
        self._next_measurement = now + (_LOOK if size is None else 10 * (now - began))
        if size is not None and size > limit:
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
        for group in self._plan.groups:
            _close_group(group)
        while self._reap() and time.monotonic() < deadline:
            for pid in _family():
                _signal(pid, _KILL)
            # What goes from one process to the next is faster than a look at all that there are.
            for _ in range(_ROUNDS):
                for pid in _children():
                    _signal(pid, _KILL)
                if not self._reap():
                    return
            time.sleep(0.002)

    def _bury(self) -> None:
        """Write down how the sandbox ended, once nothing of it is left."""
        self._is_buried = True
        if self._child_end is not None:
            self._poll.unregister(self._child_end)
        self._kill()
        for _ in range(_MAX_LOG // _PIECE):
            if not self._drain():
                break
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
        _remove_all(self._plan.remove)


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


def _children() -> list[int]:
    """Give the children of this process alone, in one glance."""
    pid = os.getpid()
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(each) for each in file.read().split()]
    except OSError:
        return []


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


def _sizes(folders: Sequence[str]) -> Iterator[float]:
    """Give the bytes that folders take, as far as they are counted; infinity where that fails.

    They are entered by descriptors: no name that is a link by now leads anywhere else.
    """
    total = 0.0
    opened: list[tuple[int, list[str]]] = []
    try:
        for top in filter(os.path.exists, folders):
            opened.append(_enter(top, None))
            while opened:
                folder, names = opened[-1]
                if not names:
                    os.close(opened.pop()[0])
                    continue
                size, inside = _look_at(names.pop(), folder)
                total += size
                if inside is not None:
                    opened.append(inside)
                yield total if len(opened) < _DEEPEST else float("inf")
    except OSError:
        yield float("inf")
    finally:
        for folder, _ in opened:
            os.close(folder)


def _look_at(name: str, folder: int) -> tuple[float, tuple[int, list[str]] | None]:
    """Give what a file takes, each of its names a share of that; and a folder, open."""
    import stat

    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        size = max(512 * status.st_blocks, _SMALLEST)
        if stat.S_ISDIR(status.st_mode):
            return size, _enter(name, folder)
        return size / max(1, status.st_nlink), None
    except (FileNotFoundError, NotADirectoryError):
        # It was removed, or is something else by now.
        return 0.0, None


def _enter(name: str, folder: int | None) -> tuple[int, list[str]]:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, dir_fd=folder)
    return descriptor, os.listdir(descriptor)


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


def _remove_all(folders: Sequence[str]) -> None:
    import runpy

    removal = os.path.join(os.path.dirname(os.path.abspath(__file__)), "removal.py")
    remove_tree = runpy.run_path(removal)["remove_tree"]
    for folder in folders:
        remove_tree(folder)


def _close_group(group: str) -> None:
    """Have no process of a group start another one any more."""
    try:
        with open(os.path.join(group, "pids.max"), "w") as file:
            file.write("0")
    except OSError:
        return


def _read(size: int, owner: int | None = None) -> bytes:
    """Read from the owner; less than that where it is gone, whoever else may hold its pipe."""
    content = b""
    waiting = select.poll()
    waiting.register(0, select.POLLIN)
    while len(content) < size:
        if waiting.poll(_LOOK * 1000):
            more = os.read(0, size - len(content))
            if not more:
                break
            content += more
        elif owner is not None and os.getppid() != owner:
            break
    return content


def _read_part(owner: int | None = None) -> bytes | None:
    """Read as many bytes as the first ten, a number, say; None where the owner is gone."""
    head = _read(10, owner)
    content = _read(int(head), owner) if len(head) == 10 else b""
    return content if content and len(content) == int(head) else None


def main() -> None:
    """Be a sandbox's warden; where it is not said of what sandbox, remove what there may be."""
    first = _read_part()
    if first is None:
        return
    leftovers = Leftovers(first)
    plan = _read_part(leftovers.owner)
    if plan is not None:
        Warden(Plan(plan)).run()
        return
    for group in leftovers.groups:
        _remove_group(group)
    _remove_all(leftovers.remove)


if __name__ == "__main__":
    main()
