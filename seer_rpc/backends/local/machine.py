"""Sandboxes on this machine: a warden, a front that it starts, and a folder with their files."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from seer_rpc.backends.local.folders import KEPT
from seer_rpc.backends.local.groups import Groups, group_places, make_groups, own_processors
from seer_rpc.backends.local.here import MachineHere
from seer_rpc.backends.local.hiding import without_names
from seer_rpc.backends.local.levels import choose_level
from seer_rpc.backends.local.python import Layers, make_venv
from seer_rpc.backends.local.worlds import World, make_world
from seer_rpc.backends.network import Entrance
from seer_rpc.backends.protocol import IsolationLevel, Limits, MachineSpec, NetworkAccess
from seer_rpc.client.obituary import Obituary
from seer_rpc.errors import SandboxStartError
from seer_rpc.snapshots import restore_snapshot
from seer_rpc.waiting import wait_until
from seer_runtime.wire.marks import WARDEN

_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 25.0
"""Longer than the warden is patient."""

_WRITTEN = 5.0
"""Seconds in which the warden writes down how a sandbox ended."""

_LAST_LINES = 20
_LOADER = ("LD_LIBRARY_PATH",)
_WARDEN = Path(__file__).with_name("warden.py")
_MOST_PROCESSES = 4096
"""Where there is no limit of the user's: a machine stands that."""


class LocalMachine(MachineHere):
    """A sandbox that this process started."""

    def __init__(self, spec: MachineSpec, layers: Layers) -> None:
        """Start it, its Pythons over `layers`.

        Raises:
            PackageMissingError: a package that it needs here is not installed.
            ModelNotFoundError: a model cannot be hidden.
            IsolationError: it cannot be kept apart as it is asked for.
            SandboxStartError: it does not answer.
            SnapshotError: what it is to start from cannot be restored.
        """
        super().__init__(spec.sandbox_id, spec.name)
        entrance = Entrance.of(spec)
        level = choose_level(spec)
        self.network: NetworkAccess | None = None
        self._owner = os.getpid()
        self._groups = Groups()
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._folders.create()
            process = self._process = self._start_warden(f"seer-{spec.sandbox_id}")
            self._fill(spec)
            spec = without_names(spec, self._folders.hidden)
            self._groups = make_groups(f"seer-{spec.sandbox_id}", _limits(spec))
            python = make_venv(self._folders.all / "root", self._home(level), layers)
            world = make_world(level, spec, self._folders, self._groups, entrance, python)
            self.isolation = world.isolation
            self._world = world
            self.endpoint = f"unix:{self._folders.socket}"
            self._instruct(process, spec, world)
            port = self._await_ready(process)
        except OSError as error:
            self.stop()
            raise SandboxStartError(f"the sandbox cannot start: {error}") from error
        except BaseException:
            self.stop()
            raise
        if entrance is not None and port is not None:
            self.network = entrance.access(entrance.listening.endpoint(port))

    def exit_code(self) -> int | None:
        """Give the front's exit status, or None while it runs."""
        obituary = self._obituary()
        if obituary is not None:
            return obituary.exit_code
        assert self._process is not None
        return self._process.poll()

    def release(self) -> None:
        """Have the warden go on when this process ends."""
        process = self._process
        if process is None or os.getpid() != self._owner or self.exit_code() is not None:
            return
        process.send_signal(signal.SIGUSR1)

    def stop(self) -> None:
        """Have the warden end it, by force where that is not enough."""
        if os.getpid() != self._owner:
            return
        if self._process is not None:
            _end(self._process)
        self._groups.remove()
        self._folders.remove()

    def _fill(self, spec: MachineSpec) -> None:
        """Put in what is there before anything runs."""
        if spec.snapshot is not None:
            restore_snapshot(spec.snapshot, self._folders.all, KEPT)
        for path, source in spec.folders.items():
            target = self._folders.find(path)
            if not os.path.lexists(target):
                shutil.copytree(source, target, symlinks=True)

    def _home(self, level: IsolationLevel) -> str:
        return "/root" if level == "namespace" else str(self._folders.all / "root")

    def _start_warden(self, groups: str) -> subprocess.Popen[bytes]:
        """Start it at once: it is there by the time that it is known what it is to do.

        Should this process die before that, it removes what there is.
        """
        leftovers: dict[str, Sequence[object]] = {
            "owner": [self._owner],
            "remove": sorted(self._folders.removable),
            "groups": list(group_places(groups)),
        }
        with self._folders.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_WARDEN)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                # All that the interpreter itself may need; it goes no further.
                env={**_loader(), WARDEN: self._folders.all.name},
                cwd="/",
                start_new_session=True,
            )
        _say(process, _encode(leftovers))
        return process

    def _instruct(self, process: subprocess.Popen[bytes], spec: MachineSpec, world: World) -> None:
        plan = _encode(
            {
                **world.plan,
                "folder": [self._folders.all],
                "remove": self._removable(spec),
                "obituaries": sorted(self._folders.obituaries),
                "measured": self._folders.written,
                "groups": self._groups.folders,
                "owner": [self._owner],
                "is_detached": [True] if spec.is_detached else [],
                "lifetime": [spec.lifetime],
                "memory": _some(spec.limits.memory),
                "disk": _some(spec.limits.disk),
                "processes": _some(_most_tasks(spec, self._groups)),
                "processors": _processors(spec, self._groups),
            }
        )
        _say(process, plan, world.settings.to_json())

    def _removable(self, spec: MachineSpec) -> Sequence[Path]:
        """Give what the warden removes; of a detached sandbox is left what tells of its end."""
        if not spec.is_detached:
            return sorted(self._folders.removable)
        return [*self._folders.written, self._folders.hidden]

    def _await_ready(self, process: subprocess.Popen[bytes]) -> int | None:
        """Wait for the line that says so; gives the port that it names, if it names one."""
        assert process.stdout is not None
        with process.stdout as stream:
            # Not select(): it knows only the first 1024 descriptors.
            waiting = select.poll()
            waiting.register(stream, select.POLLIN)
            ready = waiting.poll(_START_TIMEOUT * 1000)
            match stream.readline().split() if ready else []:
                case [b"ready", *port]:
                    return int(port[0]) if port else None
        if not ready:
            problem, obituary = f"did not answer within {_START_TIMEOUT:.0f} s", None
        else:
            problem, obituary = "ended", self._await_obituary(process)
        raise SandboxStartError(
            f"the sandbox's runtime {problem}",
            log=obituary.log if obituary is not None else self.logs(_LAST_LINES),
            exit_code=self.exit_code(),
        )

    def _await_obituary(self, process: subprocess.Popen[bytes]) -> Obituary | None:
        wait_until(lambda: self._obituary() is not None or process.poll() is not None, _WRITTEN)
        return self._obituary()


def _loader() -> dict[str, str]:
    return {name: os.environ[name] for name in _LOADER if name in os.environ}


def _say(warden: subprocess.Popen[bytes], content: bytes, rest: bytes = b"") -> None:
    """Tell the warden something; the `rest` is for the first process."""
    assert warden.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        warden.stdin.write(b"%10d" % len(content) + content + rest)
        warden.stdin.flush()


def _end(warden: subprocess.Popen[bytes]) -> None:
    for stream in (warden.stdin, warden.stdout):
        assert stream is not None
        with contextlib.suppress(OSError):
            stream.close()
    warden.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        warden.wait(_STOP_TIMEOUT)
    # What it started goes with it.
    warden.kill()
    warden.wait()


def _limits(spec: MachineSpec) -> Limits:
    if spec.limits.processes is not None:
        return spec.limits
    return dataclasses.replace(spec.limits, processes=_MOST_PROCESSES)


def _most_tasks(spec: MachineSpec, groups: Groups) -> int | None:
    """Give how many tasks this user may have, where no group counts those of the sandbox."""
    limit = spec.limits.processes
    if limit is None or "pids" in groups.controllers or os.geteuid() == 0:
        return None
    return limit + sum(_tasks(folder) for folder in Path("/proc").glob("[0-9]*"))


def _tasks(process: Path) -> int:
    with contextlib.suppress(OSError):
        if process.stat().st_uid == os.geteuid():
            return len(list((process / "task").iterdir()))
    return 0


def _processors(spec: MachineSpec, groups: Groups) -> list[int]:
    if spec.limits.cpus is None or "cpu" in groups.controllers:
        return []
    return own_processors(spec.limits.cpus)


def _some(value: float | None) -> list[float]:
    return [] if value is None else [value]


def _encode(values: Mapping[str, Sequence[object]]) -> bytes:
    """Give what the warden's `Plan` reads."""
    parts: list[bytes] = []
    for name, items in values.items():
        parts += [name.encode(), str(len(items)).encode()]
        parts += [each if isinstance(each, bytes) else os.fsencode(str(each)) for each in items]
    return b"".join(b"%d:%b" % (len(part), part) for part in parts)
