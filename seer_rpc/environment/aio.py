"""The sandboxes for asyncio: what blocks is a coroutine here, under the same names.

from seer_rpc.environment import aio

async with aio.Sandbox(SandboxConfig()) as sandbox:
    print(await sandbox.exec("pip list"))

To cancel a coroutine ends what it waits for in the sandbox: a command, an upload.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Literal, Self, overload

from seer_rpc.backends.protocol import Isolation
from seer_rpc.client.commands import CommandResult, OnOutput
from seer_rpc.client.connection import Connection
from seer_rpc.environment import pool as blocking_pool
from seer_rpc.environment import sandbox as blocking
from seer_rpc.environment import scoped as blocking_scoped
from seer_rpc.environment.base import BaseSandbox
from seer_rpc.environment.config import ExecutionMode, SandboxConfig
from seer_rpc.environment.containers import ContainerHandle
from seer_rpc.environment.jupyter import JupyterServer
from seer_rpc.environment.mcp import ServedMcp
from seer_rpc.environment.models import ModelHandle
from seer_rpc.environment.pool import PooledLibrary
from seer_rpc.environment.repos import RepoHandle
from seer_rpc.environment.served import ServedLibrary, ServedSkill
from seer_rpc.environment.threads import in_thread, on_loop
from seer_rpc.environment.work import MAX_OUTPUT, WORKSPACE, FileInfo
from seer_rpc.errors import SandboxLostError
from seer_rpc.generators import DEFAULT_TOKENS
from seer_rpc.journal import CallRecord
from seer_rpc.snapshots import Snapshot
from seer_rpc.workspace import Workspace


class AsyncSandbox:
    """What the sandboxes of this module share. Arguments and errors are those of `sync`."""

    _KIND: ClassVar[type[BaseSandbox]]

    def __init__(self, sandbox: BaseSandbox) -> None:
        """Use a sandbox from coroutines."""
        self.sync = sandbox
        """The sandbox itself, whose methods block."""

    @property
    def config(self) -> SandboxConfig:
        """What it is configured as."""
        return self.sync.config

    @property
    def sandbox_id(self) -> str:
        """Its id."""
        return self.sync.sandbox_id

    @property
    def name(self) -> str:
        """Its name, for people."""
        return self.sync.name

    @property
    def execution_mode(self) -> ExecutionMode:
        """What it is prepared for."""
        return self.sync.execution_mode

    @property
    def model_handles(self) -> list[ModelHandle]:
        """The models that it has; none before it is started."""
        return self.sync.model_handles

    @property
    def repo_handles(self) -> list[RepoHandle]:
        """The repositories that it has; none before it is started."""
        return self.sync.repo_handles

    @property
    def lost(self) -> SandboxLostError | None:
        """Why it has ended by itself; None while it runs, before it and after `terminate()`."""
        return self.sync.lost

    @property
    def modal_sandbox(self) -> Any:
        """The `modal.Sandbox`; None for a sandbox on this machine."""
        return self.sync.modal_sandbox

    @property
    def code_server_url(self) -> str | None:
        """Where VS Code for it is, with `debug=True`; this machine alone reaches it."""
        return self.sync.code_server_url

    @property
    def code_server_password(self) -> str | None:
        """What it asks for."""
        return self.sync.code_server_password

    @property
    def isolation(self) -> Isolation:
        """What keeps it apart from this machine, and what that guarantees."""
        return self.sync.isolation

    @classmethod
    async def from_snapshot(
        cls,
        snapshot: Snapshot | str,
        config: SandboxConfig | None = None,
        *,
        name: str | None = None,
    ) -> Self:
        """Start a sandbox that has the files of a snapshot, or of the one with that id."""
        started: list[BaseSandbox] = []

        def start() -> None:
            started.append(cls._KIND.from_snapshot(snapshot, config, name=name))

        try:
            await in_thread(start)
        except asyncio.CancelledError:
            for each in started:
                await in_thread(each.terminate)
            raise
        return cls._of(started[0])

    @classmethod
    async def from_id(cls, which: str, config: SandboxConfig | None = None) -> Self:
        """Give a running sandbox of this user that any process has started."""
        return cls._of(await in_thread(cls._KIND.from_id, which, config))

    @classmethod
    def _of(cls, sandbox: BaseSandbox) -> Self:
        twin = cls.__new__(cls)
        AsyncSandbox.__init__(twin, sandbox)
        return twin

    async def exec(
        self,
        command: str | Sequence[str],
        *,
        timeout: float | None = None,
        cwd: str = WORKSPACE,
        env: Mapping[str, str] | None = None,
        input: str | bytes = b"",
        on_output: OnOutput | None = None,
        max_output: int = MAX_OUTPUT,
    ) -> str:
        """Run a command and give what it printed on standard output."""
        return await in_thread(
            self.sync.exec,
            command,
            timeout=timeout,
            cwd=cwd,
            env=env,
            input=input,
            on_output=on_loop(on_output),
            max_output=max_output,
        )

    async def run(
        self,
        command: str | Sequence[str],
        *,
        timeout: float | None = None,
        cwd: str = WORKSPACE,
        env: Mapping[str, str] | None = None,
        input: str | bytes = b"",
        on_output: OnOutput | None = None,
        max_output: int = MAX_OUTPUT,
    ) -> CommandResult:
        """Run a command and give what came of it, a failure too."""
        return await in_thread(
            self.sync.run,
            command,
            timeout=timeout,
            cwd=cwd,
            env=env,
            input=input,
            on_output=on_loop(on_output),
            max_output=max_output,
        )

    async def run_through(
        self,
        command: str | Sequence[str],
        *,
        input: Iterable[bytes],
        on_stdout: Callable[[bytes], None],
        on_stderr: Callable[[bytes], None],
        timeout: float | None = None,
        cwd: str = WORKSPACE,
        env: Mapping[str, str] | None = None,
    ) -> int:
        """Run a command that takes its input from elsewhere, and prints elsewhere, on a thread."""
        return await in_thread(
            self.sync.run_through,
            command,
            input=input,
            on_stdout=on_stdout,
            on_stderr=on_stderr,
            timeout=timeout,
            cwd=cwd,
            env=env,
        )

    async def exec_python(
        self,
        code: str,
        *,
        timeout: float | None = None,
        cwd: str = WORKSPACE,
        env: Mapping[str, str] | None = None,
        input: str | bytes = b"",
        on_output: OnOutput | None = None,
        max_output: int = MAX_OUTPUT,
    ) -> str:
        """Run Python code in a process of its own and give what it printed."""
        return await in_thread(
            self.sync.exec_python,
            code,
            timeout=timeout,
            cwd=cwd,
            env=env,
            input=input,
            on_output=on_loop(on_output),
            max_output=max_output,
        )

    async def run_python(
        self,
        code: str,
        *,
        timeout: float | None = None,
        cwd: str = WORKSPACE,
        env: Mapping[str, str] | None = None,
        input: str | bytes = b"",
        on_output: OnOutput | None = None,
        max_output: int = MAX_OUTPUT,
    ) -> CommandResult:
        """Run Python code in a process of its own and give what came of it, a failure too."""
        return await in_thread(
            self.sync.run_python,
            code,
            timeout=timeout,
            cwd=cwd,
            env=env,
            input=input,
            on_output=on_loop(on_output),
            max_output=max_output,
        )

    async def install(self, workspace: Workspace, session: str = "session") -> None:
        """Put a workspace into the sandbox, in place of what that session had there."""
        await in_thread(self.sync.install, workspace, session)

    async def write_file(self, path: str, content: str | bytes) -> None:
        """Write a file whole or not at all, text as UTF-8."""
        await in_thread(self.sync.write_file, path, content)

    async def read_file(self, path: str) -> str:
        """Give the text of a file, from UTF-8."""
        return await in_thread(self.sync.read_file, path)

    async def read_bytes(self, path: str, *, max_bytes: int | None = None) -> bytes:
        """Give what a file holds."""
        return await in_thread(self.sync.read_bytes, path, max_bytes=max_bytes)

    async def ensure_dir(self, path: str) -> None:
        """Make a folder and those above it; one that is there is fine."""
        await in_thread(self.sync.ensure_dir, path)

    async def list_files(self, path: str = WORKSPACE, *, recursive: bool = False) -> list[FileInfo]:
        """Say what is in a folder, by path."""
        return await in_thread(self.sync.list_files, path, recursive=recursive)

    async def upload_file(self, local_path: str | Path, sandbox_path: str | None = None) -> None:
        """Put a file into the sandbox."""
        await in_thread(self.sync.upload_file, local_path, sandbox_path)

    async def upload_dir(self, local_path: str | Path, sandbox_path: str | None = None) -> None:
        """Put what a folder holds into one of the sandbox."""
        await in_thread(self.sync.upload_dir, local_path, sandbox_path)

    async def download(self, path: str, local_path: str | Path | None = None) -> Path:
        """Copy a file, or what a folder holds, to this machine; gives where it is."""
        return await in_thread(self.sync.download, path, local_path)

    async def remove(self, path: str, *, missing_ok: bool = False) -> None:
        """Remove a file, or a folder with all that is in it."""
        await in_thread(self.sync.remove, path, missing_ok=missing_ok)

    async def calls(
        self,
        *,
        function: str | None = None,
        failed: bool | None = None,
        since: datetime | timedelta | None = None,
        interface: str | None = None,
        last: int | None = None,
    ) -> list[CallRecord]:
        """Give what was called in this sandbox, by whomever, the newest last."""
        return await in_thread(
            self.sync.calls,
            function=function,
            failed=failed,
            since=since,
            interface=interface,
            last=last,
        )

    async def start_container(self, repo: RepoHandle) -> ContainerHandle:
        """Build a repository's Dockerfile and run it with Docker."""
        return await in_thread(self.sync.start_container, repo)

    async def snapshot(self, description: str = "") -> Snapshot:
        """Keep the files in `/root` and `/workspace`, installed packages included."""
        return await in_thread(self.sync.snapshot, description)

    async def terminate(
        self, *, save_snapshot: bool = False, snapshot_description: str = "", grace: float = 0.0
    ) -> Snapshot | None:
        """End the sandbox and everything in it; its files can be kept."""
        return await in_thread(
            self.sync.terminate,
            save_snapshot=save_snapshot,
            snapshot_description=snapshot_description,
            grace=grace,
        )

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """End the sandbox; one that another process started goes on."""
        await in_thread(self.sync.__exit__, kind, error, frames)

    @asynccontextmanager
    async def _starting(self) -> AsyncIterator[None]:
        """Leave nothing running of a start that is cancelled."""
        try:
            yield
        except asyncio.CancelledError:
            await self.terminate()
            raise


class Sandbox(AsyncSandbox):
    """A sandbox to run commands and notebooks in."""

    _KIND = blocking.Sandbox
    sync: blocking.Sandbox

    def __init__(self, config: SandboxConfig | None = None, *, backend: str | None = None) -> None:
        """Plan a sandbox; nothing starts yet."""
        super().__init__(blocking.Sandbox(config, backend=backend))

    async def start(self, name: str | None = None) -> Self:
        """Start the sandbox; a second start does nothing."""
        async with self._starting():
            await in_thread(self.sync.start, name)
        return self

    async def __aenter__(self) -> Self:
        """Start the sandbox."""
        return await self.start()

    @property
    def jupyter_url(self) -> str | None:
        """Where its Jupyter server is, with the secret that lets in; None while it has no notebook.

        `create_notebook_session(sandbox.sync)` starts it.
        """
        return self.sync.jupyter_url

    async def jupyter_server(self) -> JupyterServer:
        """Give its Jupyter server, started where it has none yet."""
        return await in_thread(self.sync.jupyter_server)

    async def release(self) -> None:
        """Have the sandbox outlive this process."""
        await in_thread(self.sync.release)

    def path_inside(self, path: str) -> str:
        """Give the path under which processes in the sandbox find one of the sandbox's."""
        return self.sync.path_inside(path)


class ScopedSandbox(AsyncSandbox):
    """A sandbox whose functions are called from outside."""

    _KIND = blocking_scoped.ScopedSandbox
    sync: blocking_scoped.ScopedSandbox

    def __init__(self, config: SandboxConfig | None = None, *, backend: str | None = None) -> None:
        """Plan a sandbox; nothing starts yet."""
        super().__init__(blocking_scoped.ScopedSandbox(config, backend=backend))

    async def start(self, workspace: Workspace | None = None, name: str | None = None) -> Self:
        """Start the sandbox; a second start does nothing."""
        async with self._starting():
            await in_thread(self.sync.start, workspace, name)
        return self

    async def __aenter__(self) -> Self:
        """Start the sandbox."""
        return await self.start()

    @overload
    async def serve(
        self,
        path: str | Path,
        expose_as: Literal["library"] = "library",
        name: str | None = None,
    ) -> ServedLibrary: ...
    @overload
    async def serve(
        self, path: str | Path, expose_as: Literal["mcp"], name: str | None = None
    ) -> ServedMcp: ...
    @overload
    async def serve(
        self, path: str | Path, expose_as: Literal["prompt"], name: str | None = None
    ) -> str: ...
    @overload
    async def serve(
        self, path: str | Path, expose_as: Literal["skill"], name: str | None = None
    ) -> ServedSkill: ...
    async def serve(
        self,
        path: str | Path,
        expose_as: Literal["library", "mcp", "prompt", "skill"] = "library",
        name: str | None = None,
    ) -> ServedLibrary | ServedMcp | ServedSkill | str:
        """Serve an interface file, and give what others call it with."""
        return await in_thread(lambda: self.sync.serve(path, expose_as, name))

    async def prompt(self, name: str, tokens: int = DEFAULT_TOKENS) -> str:
        """Tell a model of a served interface: what there is, how it is called, what comes back."""
        return await in_thread(self.sync.prompt, name, tokens)

    def connection(self, name: str) -> Connection:
        """Give the way to a served interface, and the token that may call its functions."""
        return self.sync.connection(name)

    def network_connection(self, name: str) -> Connection:
        """Give the way to a served interface from other machines: a secret as a whole."""
        return self.sync.network_connection(name)

    def rpc_logs(self, lines: int = 100) -> str:
        """Give the newest lines that the runtime and the interfaces printed."""
        return self.sync.rpc_logs(lines)

    def show_rpc_logs(self, lines: int = 100) -> None:
        """Print on standard error the newest lines of the runtime and the interfaces."""
        self.sync.show_rpc_logs(lines)


class SandboxPool:
    """Several sandboxes that serve the same. Arguments and errors are those of `sync`.

    async for outcome in tools.map("score", texts):
        print(outcome.item, outcome.result())
    """

    def __init__(
        self,
        config: SandboxConfig | None = None,
        *,
        size: int,
        backend: str | None = None,
        replacements: int | None = None,
    ) -> None:
        """Plan so many sandboxes; nothing starts yet."""
        self.sync = blocking_pool.SandboxPool(
            config, size=size, backend=backend, replacements=replacements
        )
        """The pool itself, whose methods block."""

    @property
    def config(self) -> SandboxConfig:
        """What its sandboxes are configured as."""
        return self.sync.config

    @property
    def size(self) -> int:
        """How many there are to be."""
        return self.sync.size

    @property
    def name(self) -> str:
        """Its name, for people."""
        return self.sync.name

    @property
    def sandboxes(self) -> list[ScopedSandbox]:
        """Those that work now, called NAME-0, NAME-1 and so on; replacements go on counting."""
        return [ScopedSandbox._of(each) for each in self.sync.sandboxes]

    async def start(self, workspace: Workspace | None = None, name: str | None = None) -> Self:
        """Start all sandboxes, or none where one cannot start; a second start does nothing."""
        try:
            await in_thread(self.sync.start, workspace, name)
        except asyncio.CancelledError:
            await self.terminate()
            raise
        return self

    async def serve(self, path: str | Path, name: str | None = None) -> PooledLibrary:
        """Serve an interface file in all sandboxes; gives what maps its functions over items."""
        return await in_thread(self.sync.serve, path, name)

    async def terminate(self, *, grace: float = 0.0) -> None:
        """End all sandboxes and everything in them."""
        await in_thread(self.sync.terminate, grace=grace)

    async def __aenter__(self) -> Self:
        """Start the sandboxes."""
        return await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """End the sandboxes."""
        await in_thread(self.sync.__exit__, kind, error, frames)
