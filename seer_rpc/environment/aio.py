"""The sandboxes for asyncio: what blocks is a coroutine here, under the same names.

from seer_rpc.environment import aio

async with aio.Sandbox(SandboxConfig()) as sandbox:
    print(await sandbox.exec("pip list"))

To cancel a coroutine ends what it waits for in the sandbox: a command, an upload.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, overload

from seer_rpc.backends.protocol import Isolation
from seer_rpc.client.connection import Connection
from seer_rpc.environment import pool as blocking_pool
from seer_rpc.environment import sandbox as blocking
from seer_rpc.environment import scoped as blocking_scoped
from seer_rpc.environment.base import BaseSandbox
from seer_rpc.environment.config import ExecutionMode, SandboxConfig
from seer_rpc.environment.mcp import ServedMcp
from seer_rpc.environment.models import ModelHandle
from seer_rpc.environment.pool import PooledLibrary
from seer_rpc.environment.repos import RepoHandle
from seer_rpc.environment.served import ServedLibrary, ServedSkill
from seer_rpc.environment.threads import in_thread
from seer_rpc.environment.twins import twin
from seer_rpc.errors import SandboxLostError
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
        made = cls.__new__(cls)
        AsyncSandbox.__init__(made, sandbox)
        return made

    exec = twin(BaseSandbox.exec)
    run = twin(BaseSandbox.run)
    run_through = twin(BaseSandbox.run_through)
    exec_python = twin(BaseSandbox.exec_python)
    run_python = twin(BaseSandbox.run_python)
    install = twin(BaseSandbox.install)
    write_file = twin(BaseSandbox.write_file)
    read_file = twin(BaseSandbox.read_file)
    read_bytes = twin(BaseSandbox.read_bytes)
    ensure_dir = twin(BaseSandbox.ensure_dir)
    list_files = twin(BaseSandbox.list_files)
    upload_file = twin(BaseSandbox.upload_file)
    upload_dir = twin(BaseSandbox.upload_dir)
    download = twin(BaseSandbox.download)
    remove = twin(BaseSandbox.remove)
    calls = twin(BaseSandbox.calls)
    start_container = twin(BaseSandbox.start_container)
    snapshot = twin(BaseSandbox.snapshot)
    terminate = twin(BaseSandbox.terminate)
    __aexit__ = twin(BaseSandbox.__exit__)

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

        `seer_rpc.execution.aio.create_notebook_session` starts it.
        """
        return self.sync.jupyter_url

    jupyter_server = twin(blocking.Sandbox.jupyter_server)
    release = twin(blocking.Sandbox.release)

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

    upload_file = twin(blocking_scoped.ScopedSandbox.upload_file)
    prompt = twin(blocking_scoped.ScopedSandbox.prompt)

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

    terminate = twin(blocking_pool.SandboxPool.terminate)

    async def __aenter__(self) -> Self:
        """Start the sandboxes."""
        return await self.start()

    __aexit__ = twin(blocking_pool.SandboxPool.__exit__)
