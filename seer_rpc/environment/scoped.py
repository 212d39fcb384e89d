"""Sandboxes that serve interfaces."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Literal, NamedTuple, Self

from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema
from seer_runtime.wire.pb.runtime_pb2 import LoadRequest

from seer_rpc.backends import Machine, MachineSpec, choose_backend, load_backend
from seer_rpc.client.connection import Connection
from seer_rpc.client.control import Control
from seer_rpc.environment.config import SandboxConfig
from seer_rpc.environment.models import ModelHandle, find_models
from seer_rpc.environment.packages import check_installed, required_packages
from seer_rpc.environment.served import ServedLibrary
from seer_rpc.environment.siblings import sibling_files
from seer_rpc.errors import (
    ConfigError,
    InterfaceMissingError,
    InterfacePendingError,
    InterfaceSyntaxError,
    SandboxError,
    SandboxLostError,
)
from seer_rpc.progress import note, status
from seer_rpc.workspace import Library, Workspace
from seer_rpc.workspace.library import check_import_name

_HOME = PurePosixPath("/root")
_LIBRARIES = PurePosixPath("/root/libraries")
_LAST_LINES = 20


class _Pending(NamedTuple):
    """An interface that waits for a module."""

    request: LoadRequest
    missing: InterfacePendingError


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
        self.name = ""
        self._backend = backend
        self._machine: Machine | None = None
        self._control: Control | None = None
        self._models: list[ModelHandle] = []
        self._call_token = secrets.token_urlsafe(32)
        self._admin_token = secrets.token_urlsafe(32)
        self._sources: dict[str, Path] = {}
        self._pending: dict[str, _Pending] = {}
        self._schemas: dict[str, InterfaceSchema] = {}

    @property
    def model_handles(self) -> list[ModelHandle]:
        """The models that the sandbox has."""
        return list(self._models)

    def start(self, workspace: Workspace | None = None, name: str | None = None) -> Self:
        """Start the sandbox; a second start does nothing.

        The libraries of `workspace` are importable by the interfaces. `name` is for people.

        Raises:
            ConfigError: it cannot run as it is configured.
            SandboxStartError: it did not start.
        """
        if self._machine is not None:
            return self
        self.name = name or self.sandbox_id
        backend = load_backend(choose_backend(self._backend, self.config.gpu))
        check_installed(required_packages(self.config))
        environment = self._environment()
        self._models = find_models(self.config.models)
        with status(f"starting sandbox {self.name}"):
            self._machine = backend.start(
                MachineSpec(
                    sandbox_id=self.sandbox_id,
                    gpu=self.config.gpu,
                    lifetime=self.config.timeout,
                    environment=environment,
                    call_token_hash=_digest(self._call_token),
                    admin_token_hash=_digest(self._admin_token),
                )
            )
        self._control = Control(self._machine.endpoint, self._admin_token)
        try:
            self._furnish(self._machine, workspace or Workspace())
        except BaseException:
            self.terminate()
            raise
        return self

    def serve(
        self,
        path: str | Path,
        expose_as: Literal["library"] = "library",
        name: str | None = None,
    ) -> Library:
        """Serve an interface file, and give a library whose functions call it.

        Waits until the file is loaded, however long that takes. Modules that it imports from
        its own folder come with it. Where it imports one that is nowhere yet, it stays pending
        until `upload_file` brings it. A name that is served already is served anew.

        Raises:
            InterfaceError: the file cannot be served; the class says why.
            ConfigError: `name`, the file's stem by default, cannot be imported.
        """
        if expose_as != "library":
            raise ConfigError(f"expose_as={expose_as!r} is not known", hint='"library" is')
        machine = self._running()
        file = Path(path)
        name = name or file.stem
        _check_name(name)
        _check_source(file)
        request = LoadRequest(
            interface=name,
            path=machine.path(str(self._upload_interface(file, name))),
            import_paths=[machine.path(str(_HOME)), machine.path(str(_LIBRARIES))],
            models={handle.name: machine.path(handle.path) for handle in self._models},
        )
        self._schemas.pop(name, None)
        self._load(request)
        return ServedLibrary(name, self.connection(name), lambda: self.describe(name))

    def connection(self, name: str) -> Connection:
        """Give the way to an interface, and the token that may call its functions."""
        return Connection(name, self._running().endpoint, self._call_token)

    def describe(self, name: str) -> InterfaceSchema:
        """Give the schema of a served interface.

        Raises:
            InterfacePendingError: it still waits for a module.
        """
        pending = self._pending.get(name)
        if pending is not None:
            raise pending.missing
        return self._schemas[name]

    def upload_file(self, local_path: str | Path, sandbox_path: str | None = None) -> None:
        """Put a file into the sandbox, in `/root` beside the interfaces unless told otherwise.

        Interfaces that were waiting for a module are loaded if this was the last one missing.

        Raises:
            SandboxError: the path is outside the sandbox, or the sandbox is not running.
            InterfaceError: an interface that was waiting fails for another reason.
        """
        file = Path(local_path)
        machine = self._running()
        try:
            content = file.read_bytes()
        except OSError as error:
            raise SandboxError(f"cannot read {file}: {error.strerror}") from error
        machine.write(sandbox_path or str(_HOME / file.name), content)
        for pending in list(self._pending.values()):
            self._load(pending.request)

    def rpc_logs(self, lines: int = 100) -> str:
        """Give the newest lines that the runtime and the interfaces printed."""
        if self._machine is None:
            raise _not_started()
        return "\n".join(self._machine.logs(lines))

    def show_rpc_logs(self, lines: int = 100) -> None:
        """Print on standard error the newest lines of the runtime and the interfaces."""
        sys.stderr.write(self.rpc_logs(lines) + "\n")

    def terminate(self) -> None:
        """End the sandbox and everything in it. Twice is as good as once."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._machine is not None:
            with status(f"stopping sandbox {self.name}"):
                self._machine.stop()
            self._machine = None

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

    def _running(self) -> Machine:
        machine = self._machine
        if machine is None:
            raise _not_started()
        code = machine.exit_code()
        if code is not None:
            raise SandboxLostError(
                f"sandbox {self.name} has ended",
                hint="start another ScopedSandbox",
                log=machine.logs(_LAST_LINES),
                exit_code=code,
            )
        return machine

    def _environment(self) -> Mapping[str, str]:
        present = {name: os.environ[name] for name in self.config.secrets if name in os.environ}
        missing = [name for name in self.config.secrets if name not in present]
        if missing:
            warnings.warn(
                f"secrets that are not set here: {', '.join(missing)}; the sandbox goes without",
                stacklevel=3,
            )
        return {**self.config.env, **present}

    def _furnish(self, machine: Machine, workspace: Workspace) -> None:
        for handle in self._models:
            machine.provide_model(handle.path, handle.source)
        for local, path in self.config.local_files:
            machine.write(path, Path(local).read_bytes())
        for local, path in self.config.local_dirs:
            _upload_folder(machine, Path(local), PurePosixPath(path))
        for library in workspace.libraries:
            root = _LIBRARIES if library.is_single_file else _LIBRARIES / library.name
            for file, text in library.files.items():
                machine.write(str(root / file), text.encode())

    def _upload_interface(self, file: Path, name: str) -> PurePosixPath:
        """Put the file and its siblings into the sandbox; give where the file is."""
        machine = self._running()
        # Of two files of one name from different folders, the later gets a folder of its own.
        origin = self._sources.setdefault(file.name, file.resolve())
        folder = _HOME if origin == file.resolve() else _HOME / name
        for each in (file, *sibling_files(file)):
            machine.write(str(folder / each.relative_to(file.parent)), each.read_bytes())
        return folder / file.name

    def _load(self, request: LoadRequest) -> None:
        """Load an interface; it stays pending where only a module is missing."""
        assert self._control is not None
        name = request.interface
        self._pending.pop(name, None)
        try:
            with status(f"loading {name}") as show:
                schema = self._schemas[name] = self._control.load(request, show)
        except InterfacePendingError as error:
            self._pending[name] = _Pending(request, error)
            note(f"{name} waits for its module {error.module!r}: bring it with upload_file()")
            return
        for warning in schema.warnings:
            note(f"{name}: {warning}")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _not_started() -> SandboxError:
    return SandboxError("the sandbox is not running", hint="call start() first")


def _check_name(name: str) -> None:
    check_import_name(name)
    if name in sys.stdlib_module_names:
        raise ConfigError(
            f"a library called {name!r} would hide Python's own module", hint="give another name="
        )


def _check_source(file: Path) -> None:
    """Refuse what is no Python file before anything is replaced by it."""
    try:
        compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
    except OSError as error:
        raise InterfaceMissingError(
            f"cannot read the interface file {file}: {error.strerror}",
            hint=f"paths are relative to {Path.cwd()}",
        ) from None
    except (SyntaxError, ValueError) as error:
        place = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise InterfaceSyntaxError(f"{file}{place}: {error}") from None


def _upload_folder(machine: Machine, folder: Path, target: PurePosixPath) -> None:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            machine.write(str(target / file.relative_to(folder)), file.read_bytes())
