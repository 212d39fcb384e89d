"""What every sandbox is, whatever it is for: a machine that starts, works and ends."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from seer_rpc.backends import Backend, Machine, MachineSpec, choose_backend, load_backend
from seer_rpc.backends.protocol import Isolation
from seer_rpc.client.control import Control
from seer_rpc.client.workbench import Workbench
from seer_rpc.environment.code_server import (
    CodeServer,
    find_code_server,
    program_folders,
    start_code_server,
)
from seer_rpc.environment.config import ExecutionMode, SandboxConfig
from seer_rpc.environment.containers import ContainerHandle, Docker, start_container
from seer_rpc.environment.docker_here import DockerHere
from seer_rpc.environment.docker_inside import DockerInside, start_docker
from seer_rpc.environment.models import ModelHandle, find_models
from seer_rpc.environment.packages import required_packages
from seer_rpc.environment.records import planned_record, running_record, sweep
from seer_rpc.environment.repos import RepoHandle, checked_out, install_repos
from seer_rpc.environment.uploads import furnish
from seer_rpc.environment.work import Work
from seer_rpc.environment.workspaces import install_workspace
from seer_rpc.errors import (
    SandboxError,
    SandboxExpiredError,
    SandboxLostError,
    SandboxStartError,
    SeerError,
    SessionError,
)
from seer_rpc.files import remove_old
from seer_rpc.journal import CallRecord, Filter, read_calls
from seer_rpc.locations import jobs_folder, results_folder
from seer_rpc.progress import status
from seer_rpc.registry import SandboxRecord, find_sandbox, forget, register
from seer_rpc.snapshots import Snapshot, find_snapshot
from seer_rpc.workspace import Workspace
from seer_runtime.wire.exits import OLD, UNUSED
from seer_runtime.wire.journal import PERIOD
from seer_runtime.wire.settings import token_digest

_LAST_LINES = 20
_LOOK = 0.02

_WRITTEN = PERIOD + 0.1
"""Seconds after which a call that is over is in the journal."""


@dataclass(frozen=True)
class Run:
    """What there is from a start to the end."""

    machine: Machine
    control: Control
    call_token: str = field(repr=False)
    admin_token: str = field(repr=False)
    models: list[ModelHandle]
    repos: list[RepoHandle]
    containers: list[ContainerHandle] = field(default_factory=list)
    code_server: CodeServer | None = None
    process: int = field(default_factory=os.getpid)
    """The process that owns the sandbox: a fork of it does not."""

    is_attached: bool = False
    """Whether another process started it."""


class BaseSandbox(Work):
    """A sandbox that is planned, running or over; `Sandbox` and `ScopedSandbox` are for use."""

    def __init__(self, config: SandboxConfig | None = None, *, backend: str | None = None) -> None:
        """Plan a sandbox; nothing starts yet.

        `backend` is "local" or another backend's name; without it `SEER_BACKEND` decides, else
        this machine for a config without a GPU.
        """
        self.config = config or SandboxConfig()
        self.sandbox_id = secrets.token_hex(8)
        self.name = self.sandbox_id
        self._backend = backend
        self._run: Run | None = None
        self._mode: ExecutionMode | None = None
        """That of a sandbox that another process configured."""
        self._starting = threading.Lock()

    @property
    def execution_mode(self) -> ExecutionMode:
        """What it is prepared for."""
        return self._mode or self.config.execution_mode

    @property
    def model_handles(self) -> list[ModelHandle]:
        """The models that the sandbox has; none before it is started."""
        return list(self._run.models) if self._run is not None else []

    @property
    def code_server_url(self) -> str | None:
        """Where VS Code for the sandbox is, with `debug=True`; this machine alone reaches it."""
        server = self._run.code_server if self._run is not None else None
        return server.url if server is not None else None

    @property
    def code_server_password(self) -> str | None:
        """What it asks for."""
        server = self._run.code_server if self._run is not None else None
        return server.password if server is not None else None

    @property
    def repo_handles(self) -> list[RepoHandle]:
        """The repositories that the sandbox has; none before it is started."""
        return list(self._run.repos) if self._run is not None else []

    def install(self, workspace: Workspace, session: str = "session") -> None:
        """Put a workspace into the sandbox, in place of what that session had put there.

        Its libraries can be imported by whatever runs in the sandbox; its skills and files are in
        `/workspace`. Nothing else is touched.

        Raises:
            ConfigError: something that was not installed is in the way.
            SandboxFileError: it cannot be written.
        """
        install_workspace(self._workbench(), workspace, session)

    def start_container(self, repo: RepoHandle) -> ContainerHandle:
        """Build a repository's Dockerfile and run it with Docker: beside a sandbox on this machine.

        Elsewhere it runs inside the sandbox, which needs `docker=True`, and shares its network.
        It is built from the files as they came, whatever the sandbox has made of them since. It
        gets the sandbox's variables, is as limited and as far from the network, and ends with it.

        Raises:
            ConfigError: the repository has no Dockerfile.
            ContainerError: there is no Docker engine, or it cannot build or run it.
        """
        run = self._running()
        started = start_container(self._docker(run), repo, self.sandbox_id, self._environment())
        run.containers.append(started)
        return started

    @property
    def lost(self) -> SandboxLostError | None:
        """Why it has ended by itself; None while it runs, before it and after `terminate()`."""
        run = self._run
        code = run.machine.exit_code() if run is not None else None
        if run is None or code is None:
            return None
        reason = run.machine.ending()
        lost = SandboxExpiredError if reason.startswith((OLD, UNUSED)) else SandboxLostError
        return lost(
            f"sandbox {self.name} has ended{reason and f': {reason}'}",
            hint="start another one",
            log=run.machine.logs(_LAST_LINES),
            exit_code=code,
        )

    @property
    def modal_sandbox(self) -> Any:
        """The `modal.Sandbox`, for what only Modal can do; None for a sandbox on this machine."""
        return self._run.machine.handle if self._run is not None else None

    @property
    def isolation(self) -> Isolation:
        """What keeps it apart from this machine, and what that guarantees.

        Raises:
            SandboxError: it has not been started.
        """
        if self._run is None:
            raise not_started()
        return self._run.machine.isolation

    def calls(
        self,
        *,
        function: str | None = None,
        failed: bool | None = None,
        since: datetime | timedelta | None = None,
        interface: str | None = None,
        last: int | None = None,
    ) -> list[CallRecord]:
        """Give what was called in this sandbox, by whomever, the newest last.

        Those that run still are among them. What is older than the newest 64 MB or so is gone.

        Args:
            function: Calls of this function alone.
            failed: True for those that failed, False for those that did not.
            since: Those that began since then, or in so much time up to now.
            interface: Calls of this interface alone.
            last: As many of the newest ones.
        """
        if self._run is None:
            raise not_started()
        wanted = Filter(interface=interface, function=function, failed=failed, since=since)
        return read_calls(_journal(self._run.machine), self.sandbox_id, wanted, last)

    @classmethod
    def from_id(cls, which: str, config: SandboxConfig | None = None) -> Self:
        """Give a running sandbox of this user that any process has started.

        `which` is its id, how that begins, or its name. Only `terminate()` ends it: neither the end
        of a `with` block nor that of this process does.

        Raises:
            SandboxError: none that runs is called so, or several are.
        """
        record = find_sandbox(which)
        sandbox = cls(config, backend=record.backend)
        sandbox._attach(record)
        return sandbox

    @classmethod
    def from_snapshot(
        cls,
        snapshot: Snapshot | str,
        config: SandboxConfig | None = None,
        *,
        name: str | None = None,
    ) -> Self:
        """Start a sandbox that has the files of a snapshot, or of the one with that id.

        What the config names is put in after them. A later `start()` does nothing.

        Raises:
            SnapshotError: there is no such snapshot, or it is damaged.
            ConfigError: the sandbox cannot run as it is configured.
            SandboxStartError: it did not start.
        """
        found = find_snapshot(snapshot) if isinstance(snapshot, str) else snapshot
        sandbox = cls(config, backend=found.backend)
        sandbox._start(Workspace(), name, found)
        return sandbox

    def snapshot(self, description: str = "") -> Snapshot:
        """Keep the files in `/root` and `/workspace`, installed packages included.

        Whatever runs goes on. Each file is kept as it was at one moment, if it came to rest for as
        long as it takes to read it; files that belong together and are written one after the
        other may be of different moments: have the writer pause where that matters. Rights, times,
        symbolic and hard links are kept; models, environment variables, secrets, processes and
        what is in memory are not. The snapshot stays until `seer snapshots remove` removes it.

        Raises:
            SandboxError: the sandbox is not running.
            SnapshotError: there is no room for it.
        """
        machine = self._running().machine
        with status(f"keeping the files of sandbox {self.name}"):
            return machine.snapshot(description)

    def terminate(
        self, *, save_snapshot: bool = False, snapshot_description: str = "", grace: float = 0.0
    ) -> Snapshot | None:
        """End the sandbox and everything in it. Twice is as good as once.

        With `save_snapshot` its files are kept first; where that fails, it goes on to run. With
        `grace`, calls and commands that run have so many seconds to end, and nothing new begins.

        Raises:
            SandboxError: it is not running, and there is nothing to save.
            SnapshotError: there is no room for the snapshot.
        """
        snapshot = self.snapshot(snapshot_description) if save_snapshot else None
        self._end(grace)
        return snapshot

    def _end(self, grace: float = 0.0) -> None:
        run, self._run = self._run, None
        if run is None or run.process != os.getpid():
            return
        try:
            self._end_run(run, grace)
        except BaseException:
            # It may run on: whoever asks once more ends it.
            self._run = run
            raise
        if not run.is_attached:
            forget(self.sandbox_id)

    def _end_run(self, run: Run, grace: float) -> None:
        with status(f"stopping sandbox {self.name}"):
            if run.is_attached and not run.machine.is_here:
                # Its owner may ask what was called, when there is nobody to tell any more.
                _journal(run.machine)
            if run.is_attached or grace > 0 or self.config.detach or not run.machine.is_here:
                # Its clients elsewhere hear of it. One that has ended meanwhile cannot be asked.
                with contextlib.suppress(SessionError):
                    run.control.stop(grace)
                _await_end(run.machine, grace)
            self._docker(run).remove(run.containers)
            run.machine.stop()
            run.control.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """End the sandbox; one that another process started goes on."""
        run = self._run
        if run is not None and run.is_attached:
            self._run = None
            run.control.close()
            run.machine.leave()
        else:
            self.terminate()

    def _start(
        self, workspace: Workspace, name: str | None, snapshot: Snapshot | None = None
    ) -> None:
        with self._starting:
            if self._run is not None:
                return
            try:
                self._start_once(workspace, name, snapshot)
            except BaseException:
                self.terminate()
                raise

    def _start_once(
        self, workspace: Workspace, name: str | None, snapshot: Snapshot | None
    ) -> None:
        self.name = name or self.name
        for folder in (results_folder(), jobs_folder()):
            remove_old(folder)
        chosen = choose_backend(self._backend, self.config.gpu)
        backend = load_backend(chosen)
        sweep()
        kept = self._kept_secrets(backend)
        call_token, admin_token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        code_server = find_code_server() if self.config.debug else None
        with checked_out(self.config.repos) as repos:
            spec = MachineSpec(
                sandbox_id=self.sandbox_id,
                name=self.name,
                gpu=self.config.gpu,
                gpu_count=self.config.gpu_count,
                packages=required_packages(self.config),
                system_packages=self.config.system_packages,
                lifetime=self.config.timeout,
                environment=self._environment(),
                call_token_digest=token_digest(call_token),
                admin_token_digest=token_digest(admin_token),
                secrets=kept,
                folders={handle.path: str(folder) for handle, folder in repos.items()},
                programs=list(program_folders(code_server)) if code_server is not None else (),
                isolation=self.config.isolation,
                blocks_network=self.config.block_network,
                limits=self.config.limits,
                idle_timeout=self.config.idle_timeout,
                is_detached=self.config.detach,
                listening=self.config.listening,
                allowed=self.config.allowed,
                image=self.config.image,
                has_docker=self.config.docker,
                region=self.config.region,
                snapshot=snapshot,
            )
            backend.check(spec)
            models = find_models(self.config.models, backend, kept)
            spec = replace(spec, models={handle.path: handle.source for handle in models})
            record = planned_record(spec, chosen, self.config, call_token, admin_token)
            with status(f"starting sandbox {self.name}"):
                machine = self._create(backend, spec, record)
                control = Control(machine.connection("", admin_token))
                # Before anything else, so that whatever comes between ends it.
                self._run = Run(machine, control, call_token, admin_token, models, list(repos))
        furnish(control.workbench, self.config, workspace)
        if self.config.docker:
            start_docker(self)
        install_repos(self, self.config, list(repos))
        if code_server is not None:
            started = start_code_server(self, code_server)
            self._run = replace(self._run, code_server=started)
        register(running_record(record, machine, models, list(repos), self._run.code_server))

    def _create(self, backend: Backend, spec: MachineSpec, record: SandboxRecord) -> Machine:
        try:
            register(record)
            return backend.start(spec)
        except BaseException as error:
            forget(self.sandbox_id)
            if isinstance(error, OSError) and not isinstance(error, SeerError):
                raise SandboxStartError(f"the sandbox cannot start: {error}") from error
            raise

    def _attach(self, record: SandboxRecord) -> None:
        if not record.endpoint:
            raise SandboxError(
                f"sandbox {record.name} is still starting", hint="try again in a moment"
            )
        self.sandbox_id, self.name = record.id, record.name
        self._mode = ExecutionMode(record.summary.get("execution_mode", "notebook"))
        machine = load_backend(record.backend).attach(record)
        self._run = Run(
            machine,
            Control(machine.connection("", record.admin_token)),
            record.call_token,
            record.admin_token,
            [ModelHandle(**handle) for handle in record.models],
            [RepoHandle(**handle) for handle in record.repos],
            code_server=CodeServer(**record.code_server) if record.code_server else None,
            is_attached=True,
        )

    def _docker(self, run: Run) -> Docker:
        return DockerHere(self.config) if run.machine.is_here else DockerInside(self)

    def _workbench(self) -> Workbench:
        return self._running().control.workbench

    def _running(self) -> Run:
        run = self._run
        if run is None:
            raise not_started()
        if run.process != os.getpid():
            raise SandboxError(
                "a forked process cannot use the sandbox of its parent",
                hint='start child processes anew: multiprocessing.get_context("spawn")',
            )
        lost = self.lost
        if lost is not None:
            raise lost
        return run

    def _environment(self) -> Mapping[str, str]:
        secrets = {name: os.environ[name] for name in self.config.secrets if name in os.environ}
        return {**self.config.env, **secrets}

    def _kept_secrets(self, backend: Backend) -> Mapping[str, str]:
        absent = [name for name in self.config.secrets if name not in os.environ]
        kept = backend.kept_secrets(absent) if absent else {}
        if missing := [name for name in absent if name not in kept]:
            warnings.warn(
                f"secrets that are not set here: {', '.join(missing)}; the sandbox goes without",
                stacklevel=4,
            )
        return kept


def _journal(machine: Machine) -> Path:
    """Give the journal with all that is over by now."""
    # A call is written down a moment after its end.
    time.sleep(_WRITTEN)
    return machine.journal()


def _await_end(machine: Machine, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while machine.exit_code() is None and time.monotonic() < deadline:
        time.sleep(_LOOK)


def not_started() -> SandboxError:
    """Say that it is not running."""
    return SandboxError("the sandbox is not running", hint="call start() first")
