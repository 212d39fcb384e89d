"""What every sandbox is, whatever it is for: a machine that starts, works and ends."""

from __future__ import annotations

import secrets
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from seer_rpc.backends import choose_backend, load_backend
from seer_rpc.backends.protocol import Isolation
from seer_rpc.client.workbench import Workbench
from seer_rpc.environment.code_server import (
    find_code_server,
    start_code_server,
)
from seer_rpc.environment.config import ExecutionMode, SandboxConfig
from seer_rpc.environment.containers import (
    ContainerHandle,
    Docker,
    DockerHere,
    DockerInside,
    start_container,
    start_docker,
)
from seer_rpc.environment.models import ModelHandle
from seer_rpc.environment.plan import Plan, environment, kept_secrets, warn_of_withheld
from seer_rpc.environment.records import known_config, running_record, sweep
from seer_rpc.environment.repos import RepoHandle, checked_out, install_repos
from seer_rpc.environment.run import Run
from seer_rpc.environment.served import reached_from
from seer_rpc.environment.uploads import furnish
from seer_rpc.environment.work import Work
from seer_rpc.environment.workspaces import install_workspace
from seer_rpc.errors import (
    SandboxError,
    SandboxLostError,
)
from seer_rpc.files import remove_old
from seer_rpc.journal import CallRecord, Filter, read_calls
from seer_rpc.locations import jobs_folder, results_folder
from seer_rpc.progress import status
from seer_rpc.registry import SandboxRecord, find_sandbox, forget, register
from seer_rpc.snapshots import Snapshot, find_snapshot
from seer_rpc.workspace import Workspace


class BaseSandbox(Work):
    """A sandbox that is planned, running or over; `Sandbox` and `ScopedSandbox` are for use."""

    _has_notebooks = False
    _serves = False
    """Whether functions in it are called from outside."""

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
            SandboxError: what a library calls cannot be reached from the sandbox.
        """
        reached = reached_from(workspace, self._running().machine)
        install_workspace(self._workbench(), reached, session)

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
        started = start_container(
            self._docker(run), repo, self.sandbox_id, environment(self.config)
        )
        run.containers.append(started)
        return started

    @property
    def lost(self) -> SandboxLostError | None:
        """Why it has ended by itself; None while it runs, before it and after `terminate()`."""
        run = self._run
        return run.lost(self.name) if run is not None else None

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
        return read_calls(self._run.journal(), self.sandbox_id, wanted, last)

    @classmethod
    def from_id(cls, which: str, config: SandboxConfig | None = None) -> Self:
        """Give a running sandbox of this user that any process has started.

        `which` is its id, how that begins, or its name. Only `terminate()` ends it: neither the end
        of a `with` block nor that of this process does. Without a `config`, its models are known as
        it was started with them.

        Raises:
            SandboxError: none that runs is called so, or several are.
        """
        record = find_sandbox(which)
        sandbox = cls(config or known_config(record), backend=record.backend)
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
        if run is None or not run.is_of_this_process:
            return
        try:
            with status(f"stopping sandbox {self.name}"):
                run.end(self._docker(run), grace, is_detached=self.config.detach)
        except BaseException:
            # It may run on: whoever asks once more ends it.
            self._run = run
            raise
        if not run.is_attached:
            forget(self.sandbox_id)

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
            run.leave()
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
        backend = choose_backend(self._backend, self.config.gpu)
        sweep()
        kept = kept_secrets(self.config, load_backend(backend))
        warn_of_withheld(self.config)
        code_server = find_code_server() if self.config.debug else None
        with checked_out(self.config.repos) as repos:
            plan = Plan(
                sandbox_id=self.sandbox_id,
                name=self.name,
                backend=backend,
                config=self.config,
                secrets=kept,
                repos=repos,
                code_server=code_server,
                has_notebooks=self._has_notebooks,
                masks_names=self._serves and self.config.mask_hidden_names,
                snapshot=snapshot,
            )
            record = plan.start(self._hold)
        run = self._running()
        self._run = self._furnished(run, workspace, code_server)
        register(running_record(record, self._run))

    def _hold(self, run: Run) -> None:
        self._run = run

    def _furnished(self, run: Run, workspace: Workspace, code_server: Path | None) -> Run:
        """Put in what it begins with; gives what there is then."""
        furnish(run.control.workbench, self.config, workspace)
        if self.config.docker:
            start_docker(self)
        install_repos(self, self.config, run.repos)
        if code_server is None:
            return run
        return replace(run, code_server=start_code_server(self, code_server))

    def _attach(self, record: SandboxRecord) -> None:
        self._run = Run.attached(record)
        self.sandbox_id, self.name = record.id, record.name
        self._mode = ExecutionMode(record.summary.get("execution_mode", "notebook"))

    def _docker(self, run: Run) -> Docker:
        return DockerHere(self.config) if run.machine.is_here else DockerInside(self)

    def _workbench(self) -> Workbench:
        return self._running().control.workbench

    def _running(self) -> Run:
        run = self._run
        if run is None:
            raise not_started()
        if not run.is_of_this_process:
            raise forked("sandbox")
        if (lost := run.lost(self.name)) is not None:
            raise lost
        return run


def not_started() -> SandboxError:
    """Say that it is not running."""
    return SandboxError("the sandbox is not running", hint="call start() first")


def forked(what: str) -> SandboxError:
    """Say that this process is a fork of the one that has it."""
    return SandboxError(
        f"a forked process cannot use the {what} of its parent",
        hint='start child processes anew: multiprocessing.get_context("spawn")',
    )
