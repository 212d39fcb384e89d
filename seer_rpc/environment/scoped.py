"""Sandboxes that serve interfaces."""

from __future__ import annotations

import os
import secrets
import sys
import time
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Literal, Self, overload

from seer_rpc.backends import Machine, MachineSpec, choose_backend, load_backend
from seer_rpc.client.connection import Connection
from seer_rpc.client.control import Control
from seer_rpc.environment.config import SandboxConfig
from seer_rpc.environment.mcp import ServedMcp, check_mcp
from seer_rpc.environment.models import ModelHandle, find_models
from seer_rpc.environment.packages import required_packages
from seer_rpc.environment.served import (
    ServedInterface,
    ServedLibrary,
    ServedSkill,
    not_listening,
    served_prompt,
)
from seer_rpc.environment.uploads import HOME, LIBRARIES, furnish, upload_interface
from seer_rpc.errors import (
    ConfigError,
    InterfaceGoneError,
    SandboxError,
    SandboxLostError,
    SeerError,
)
from seer_rpc.files import remove_old
from seer_rpc.generators import DEFAULT_TOKENS
from seer_rpc.journal import CallRecord, Filter, read_calls
from seer_rpc.locations import jobs_folder, results_folder
from seer_rpc.progress import status
from seer_rpc.workspace import Workspace
from seer_rpc.workspace.library import check_import_name
from seer_runtime.wire.journal import PERIOD
from seer_runtime.wire.pb.runtime_pb2 import LoadRequest
from seer_runtime.wire.settings import token_digest

_ARTEFACTS = ("library", "mcp", "prompt", "skill")

_LAST_LINES = 20

_WRITTEN = PERIOD + 0.1
"""Seconds after which a call that is over is in the journal."""


@dataclass(frozen=True)
class _Run:
    """What there is from a start to the end."""

    machine: Machine
    control: Control
    call_token: str = field(repr=False)
    admin_token: str = field(repr=False)
    models: list[ModelHandle]
    process: int = field(default_factory=os.getpid)
    """The process that owns the sandbox: a fork of it does not."""

    sources: dict[PurePosixPath, Path] = field(default_factory=dict)
    """Where each file that came with an interface lay on this machine."""

    interfaces: dict[str, ServedInterface] = field(default_factory=dict)


class ScopedSandbox:
    """A sandbox whose functions are called from outside.

    with ScopedSandbox(SandboxConfig(models=[ModelConfig(name="org/model")])) as scoped:
        tools = scoped.serve("interface.py", name="tools")
    """

    def __init__(self, config: SandboxConfig | None = None, *, backend: str | None = None) -> None:
        """Plan a sandbox; nothing starts yet.

        `backend` is "local" or another backend's name; without it `SEER_BACKEND` decides, else
        this machine for a config without a GPU.
        """
        self.config = config or SandboxConfig()
        self.sandbox_id = secrets.token_hex(8)
        self.name = self.sandbox_id
        self._backend = backend
        self._run: _Run | None = None

    @property
    def model_handles(self) -> list[ModelHandle]:
        """The models that the sandbox has; none before it is started."""
        return list(self._run.models) if self._run is not None else []

    def start(self, workspace: Workspace | None = None, name: str | None = None) -> Self:
        """Start the sandbox; a second start does nothing.

        The libraries of `workspace` are importable by the interfaces. `name` is for people.

        Raises:
            ConfigError: it cannot run as it is configured.
            SandboxStartError: it did not start.
        """
        if self._run is not None:
            return self
        self.name = name or self.name
        for folder in (results_folder(), jobs_folder()):
            remove_old(folder)
        backend = load_backend(choose_backend(self._backend, self.config.gpu))
        call_token, admin_token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        spec = MachineSpec(
            sandbox_id=self.sandbox_id,
            name=self.name,
            gpu=self.config.gpu,
            packages=required_packages(self.config),
            lifetime=self.config.timeout,
            environment=self._environment(),
            call_token_digest=token_digest(call_token),
            admin_token_digest=token_digest(admin_token),
            listening=self.config.listening,
        )
        models = find_models(self.config.models)
        with status(f"starting sandbox {self.name}"):
            machine = backend.start(spec)
        control = Control(machine.endpoint, admin_token)
        self._run = _Run(machine, control, call_token, admin_token, models)
        try:
            furnish(machine, self.config, models, workspace or Workspace())
        except BaseException:
            self.terminate()
            raise
        return self

    @overload
    def serve(
        self,
        path: str | Path,
        expose_as: Literal["library"] = "library",
        name: str | None = None,
    ) -> ServedLibrary: ...
    @overload
    def serve(
        self, path: str | Path, expose_as: Literal["mcp"], name: str | None = None
    ) -> ServedMcp: ...
    @overload
    def serve(
        self, path: str | Path, expose_as: Literal["prompt"], name: str | None = None
    ) -> str: ...
    @overload
    def serve(
        self, path: str | Path, expose_as: Literal["skill"], name: str | None = None
    ) -> ServedSkill: ...
    def serve(
        self,
        path: str | Path,
        expose_as: Literal["library", "mcp", "prompt", "skill"] = "library",
        name: str | None = None,
    ) -> ServedLibrary | ServedMcp | ServedSkill | str:
        """Serve an interface file, and give what others call it with.

        A library's functions call it from Python. With "mcp" it is the configuration of an MCP
        server, as a mapping, for any client: a library as well, which a workspace installs. A
        skill is a folder that tells an agent how to call it, with a script that does; a prompt
        tells a model the same in one text (`prompt` gives longer and shorter ones).

        Waits until the file is loaded, however long that takes. Modules that it imports from
        its own folder come with it. Where it imports one that is nowhere yet, it stays pending
        until `upload_file` brings it. A name that is served already is served anew.

        Raises:
            InterfaceError: the file cannot be served; the class says why.
            ConfigError: `name`, the file's stem by default, cannot be imported.
        """
        if expose_as not in _ARTEFACTS:
            known = ", ".join(map(repr, _ARTEFACTS))
            raise ConfigError(f"expose_as={expose_as!r} is not known", hint=f"there are: {known}")
        if expose_as == "mcp":
            check_mcp()
        interface = self._serve(path, name)
        connection = self.connection(interface.name)
        machine = self._running().machine
        over_network = self.network_connection(interface.name) if machine.network else None
        match expose_as:
            case "mcp":
                return ServedMcp(interface, connection, over_network, machine.folder())
            case "prompt":
                return self.prompt(interface.name)
            case "skill":
                return ServedSkill(interface, connection)
        return ServedLibrary(interface, connection, over_network)

    def prompt(self, name: str, tokens: int = DEFAULT_TOKENS) -> str:
        """Tell a model of a served interface: what there is, how it is called, what comes back.

        It has no more than `tokens` tokens, three bytes of UTF-8 being counted as one.

        Raises:
            InterfaceGoneError: no interface of that name is served.
            InterfaceError: it still waits for a module.
            ConfigError: the tokens are too few.
        """
        run = self._serving(name)
        skill = ServedSkill(run.interfaces[name], self.connection(name))
        return served_prompt(skill, run.machine.folder(), tokens)

    def connection(self, name: str) -> Connection:
        """Give the way to a served interface, and the token that may call its functions.

        It leads there from this machine alone.

        Raises:
            InterfaceGoneError: no interface of that name is served.
        """
        run = self._serving(name)
        return Connection(name, run.machine.endpoint, run.call_token)

    def network_connection(self, name: str) -> Connection:
        """Give the way to a served interface from other machines: a secret as a whole.

        Raises:
            InterfaceGoneError: no interface of that name is served.
            ConfigError: the sandbox does not listen for other machines.
        """
        run = self._serving(name)
        if run.machine.network is None:
            raise not_listening()
        return run.machine.network.connection(name, run.call_token)

    def upload_file(self, local_path: str | Path, sandbox_path: str | None = None) -> None:
        """Put a file into the sandbox, in `/root` beside the interfaces unless told otherwise.

        Interfaces that were waiting for a module are loaded if this was the last one missing.

        Raises:
            SandboxError: the path is outside the sandbox, or the sandbox is not running.
            InterfaceError: an interface that was waiting fails for another reason. The others are
                loaded nevertheless; notes tell of those that fail, too.
        """
        file = Path(local_path)
        run = self._running()
        try:
            content = file.read_bytes()
        except OSError as error:
            raise SandboxError(f"cannot read {file}: {error.strerror}") from error
        run.machine.write(sandbox_path or str(HOME / file.name), content)
        _load_all([each for each in run.interfaces.values() if each.is_pending])

    def rpc_logs(self, lines: int = 100) -> str:
        """Give the newest lines that the runtime and the interfaces printed."""
        if self._run is None:
            raise _not_started()
        return "\n".join(self._run.machine.logs(lines))

    def show_rpc_logs(self, lines: int = 100) -> None:
        """Print on standard error the newest lines of the runtime and the interfaces."""
        sys.stderr.write(self.rpc_logs(lines) + "\n")

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
            raise _not_started()
        # A call is written down a moment after its end.
        time.sleep(_WRITTEN)
        wanted = Filter(interface=interface, function=function, failed=failed, since=since)
        return read_calls(self._run.machine.folder(), self.sandbox_id, wanted, last)

    def terminate(self) -> None:
        """End the sandbox and everything in it. Twice is as good as once."""
        run, self._run = self._run, None
        if run is not None and run.process == os.getpid():
            run.control.close()
            with status(f"stopping sandbox {self.name}"):
                run.machine.stop()

    def __enter__(self) -> Self:
        """Start the sandbox."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """End the sandbox."""
        self.terminate()

    def _running(self) -> _Run:
        run = self._run
        if run is None:
            raise _not_started()
        code = run.machine.exit_code()
        if code is not None:
            raise SandboxLostError(
                f"sandbox {self.name} has ended",
                hint="start another ScopedSandbox",
                log=run.machine.logs(_LAST_LINES),
                exit_code=code,
            )
        return run

    def _serve(self, path: str | Path, name: str | None) -> ServedInterface:
        run = self._running()
        file = Path(path).absolute()
        name = name or file.stem
        check_import_name(name)
        request = LoadRequest(
            interface=name,
            path=upload_interface(run.machine, file, name, run.sources),
            import_paths=[run.machine.path(str(folder)) for folder in (HOME, LIBRARIES)],
            models={handle.name: run.machine.path(handle.path) for handle in run.models},
        )
        run.interfaces.pop(name, None)
        interface = run.interfaces[name] = ServedInterface(run.control, request)
        return interface

    def _serving(self, name: str) -> _Run:
        run = self._running()
        if name not in run.interfaces:
            served = ", ".join(run.interfaces) or "none"
            raise InterfaceGoneError(
                f"no interface {name!r} is served (served: {served})", hint="serve() it first"
            )
        return run

    def _environment(self) -> Mapping[str, str]:
        present = {name: os.environ[name] for name in self.config.secrets if name in os.environ}
        missing = [name for name in self.config.secrets if name not in present]
        if missing:
            warnings.warn(
                f"secrets that are not set here: {', '.join(missing)}; the sandbox goes without",
                stacklevel=3,
            )
        return {**self.config.env, **present}


def _load_all(interfaces: Iterable[ServedInterface]) -> None:
    """Load each of them; the first failure is raised, with notes of the others."""
    first: SeerError | None = None
    for interface in interfaces:
        try:
            interface.load()
        except SeerError as error:
            if first is None:
                first = error
            else:
                first.add_note(f"{interface.name} failed, too: {error}")
    if first is not None:
        raise first


def _not_started() -> SandboxError:
    return SandboxError("the sandbox is not running", hint="call start() first")
