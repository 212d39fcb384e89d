"""Sandboxes that serve interfaces."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Literal, Self, overload

from seer_rpc.backends.import_path import LIBRARIES
from seer_rpc.client.connection import Connection
from seer_rpc.environment.base import BaseSandbox, not_started
from seer_rpc.environment.config import SandboxConfig
from seer_rpc.environment.mcp import ServedMcp, check_mcp
from seer_rpc.environment.run import Run
from seer_rpc.environment.served import (
    ServedInterface,
    ServedLibrary,
    ServedSkill,
    not_listening,
    served_prompt,
)
from seer_rpc.environment.uploads import HOME, upload_interface
from seer_rpc.errors import ConfigError, InterfaceGoneError, SeerError
from seer_rpc.generators import DEFAULT_TOKENS
from seer_rpc.registry import SandboxRecord
from seer_rpc.workspace import Workspace
from seer_rpc.workspace.names import check_import_name
from seer_runtime.wire.pb.runtime_pb2 import LoadRequest

_ARTEFACTS = ("library", "mcp", "prompt", "skill")


class ScopedSandbox(BaseSandbox):
    """A sandbox whose functions are called from outside.

    with ScopedSandbox(SandboxConfig(models=[ModelConfig(name="org/model")])) as scoped:
        tools = scoped.serve("interface.py", name="tools")
    """

    _serves = True

    def __init__(self, config: SandboxConfig | None = None, *, backend: str | None = None) -> None:
        """Plan a sandbox; nothing starts yet.

        `backend` is "local" or another backend's name; without it `SEER_BACKEND` decides, else
        this machine for a config without a GPU.
        """
        super().__init__(config, backend=backend)
        self._sources: dict[PurePosixPath, Path] = {}
        """Where each file that came with an interface lay on this machine."""
        self._interfaces: dict[str, ServedInterface] = {}

    def start(self, workspace: Workspace | None = None, name: str | None = None) -> Self:
        """Start the sandbox; a second start does nothing.

        The libraries of `workspace` are importable by the interfaces. `name` is for people.

        Raises:
            ConfigError: it cannot run as it is configured.
            SandboxStartError: it did not start.
        """
        self._start(workspace or Workspace(), name)
        return self

    def __enter__(self) -> Self:
        """Start the sandbox."""
        return self.start()

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
        skill = ServedSkill(self._interfaces[name], self.connection(name))
        return served_prompt(skill, run.machine.folder(), tokens)

    def connection(self, name: str) -> Connection:
        """Give the way to a served interface, and the token that may call its functions.

        It leads there from this machine alone.

        Raises:
            InterfaceGoneError: no interface of that name is served.
        """
        run = self._serving(name)
        return run.machine.connection(name, run.call_token)

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
        super().upload_file(local_path, str(HOME / (sandbox_path or Path(local_path).name)))
        _load_all([each for each in self._interfaces.values() if each.is_pending])

    def rpc_logs(self, lines: int = 100) -> str:
        """Give the newest lines that the runtime and the interfaces printed."""
        if self._run is None:
            raise not_started()
        return "\n".join(self._run.machine.logs(lines))

    def show_rpc_logs(self, lines: int = 100) -> None:
        """Print on standard error the newest lines of the runtime and the interfaces."""
        sys.stderr.write(self.rpc_logs(lines) + "\n")

    def _end(self, grace: float = 0.0) -> None:
        super()._end(grace)
        self._sources.clear()
        self._interfaces.clear()

    def _serve(self, path: str | Path, name: str | None) -> ServedInterface:
        run = self._running()
        file = Path(path).absolute()
        name = name or file.stem
        check_import_name(name)
        request = LoadRequest(
            interface=name,
            path=run.machine.path(upload_interface(self._workbench(), file, name, self._sources)),
            import_paths=[run.machine.path(folder) for folder in (str(HOME), LIBRARIES)],
            models={handle.name: run.machine.path(handle.path) for handle in run.models},
        )
        self._interfaces.pop(name, None)
        interface = self._interfaces[name] = ServedInterface(run.control, request)
        return interface

    def _attach(self, record: SandboxRecord) -> None:
        super()._attach(record)
        control = self._running().control
        for loaded in control.interfaces():
            name = loaded.request.interface
            self._interfaces[name] = ServedInterface(control, loaded.request, loaded.schema)

    def _serving(self, name: str) -> Run:
        run = self._running()
        if name not in self._interfaces:
            served = ", ".join(self._interfaces) or "none"
            raise InterfaceGoneError(
                f"no interface {name!r} is served (served: {served})", hint="serve() it first"
            )
        return run


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
