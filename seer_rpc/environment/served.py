"""Interfaces that a sandbox serves, and the libraries made of them."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

from seer_rpc.backends import Machine
from seer_rpc.client.connection import Connection
from seer_rpc.client.control import Control
from seer_rpc.errors import ConfigError, InterfaceError, InterfacePendingError
from seer_rpc.generators import (
    SCRIPT,
    interface_prompt,
    library_docs,
    library_files,
    skill_description,
    skill_files,
    skill_name,
)
from seer_rpc.progress import note, status
from seer_rpc.workspace import Library, Skill, Workspace
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema
from seer_runtime.wire.pb.runtime_pb2 import LoadRequest

PROMPTS = "prompts"
"""Where the sandbox's folder has the commands that prompts name."""


class ServedInterface:
    """An interface that is loaded, or waits for a module that it imports."""

    def __init__(
        self, control: Control, request: LoadRequest, schema: InterfaceSchema | None = None
    ) -> None:
        """Load it, unless it is loaded already as `schema` says. Raises what `load` raises."""
        self.name = request.interface
        self._control = control
        self._request = request
        self._loaded: InterfaceSchema | InterfaceError
        self._listeners: list[Callable[[InterfaceSchema], None]] = []
        if schema is None:
            self.load()
        else:
            self._loaded = schema

    @property
    def is_pending(self) -> bool:
        """Whether it waits for a module."""
        return isinstance(self._loaded, InterfacePendingError)

    @property
    def schema(self) -> InterfaceSchema:
        """What it exposes.

        Raises:
            InterfaceError: it still waits for a module, or failed to load when that came.
        """
        if isinstance(self._loaded, InterfaceError):
            raise self._loaded
        return self._loaded

    def load(self) -> None:
        """Load it, however long that takes; a module that is missing may still come.

        Raises:
            InterfaceError: it cannot be loaded for another reason.
            SessionError: the sandbox is gone.
        """
        try:
            with status(f"loading {self.name}") as shown:
                self._loaded = self._control.load(self._request, shown.show)
        except InterfacePendingError as error:
            self._loaded = error
            note(f"{self.name} waits for its module {error.module!r}: bring it with upload_file()")
        except InterfaceError as error:
            self._loaded = error
            raise
        else:
            for warning in self._loaded.warnings:
                note(f"{self.name}: {warning}")
            for listener in self._listeners:
                listener(self._loaded)

    def when_loaded(self, listener: Callable[[InterfaceSchema], None]) -> None:
        """Tell `listener` of the schema, now or when it is there."""
        self._listeners.append(listener)
        if not isinstance(self._loaded, InterfaceError):
            listener(self._loaded)


class ServedLibrary(Library):
    """A library whose functions call a served interface.

    Its files are made when they are needed: an interface may still wait for a module.
    """

    def __init__(
        self,
        interface: ServedInterface,
        connection: Connection,
        over_network: Connection | None = None,
    ) -> None:
        """Take the interface, the way to it, and the way to it from other machines."""
        super().__init__(
            interface.name, {}, private_files={f"{interface.name}.json": connection.to_json()}
        )
        self.connection = connection
        self._over_network = over_network
        self._interface = interface

    def for_network(self) -> ServedLibrary:
        """Give the library as other machines need it, its connection a secret as a whole.

            Workspace(libraries=[tools.for_network()]).install(Path("for_colleagues"))

        writes a folder that can be copied there, and whose scripts can import the library.

        Raises:
            ConfigError: the sandbox does not listen for other machines.
        """
        if self._over_network is None:
            raise not_listening()
        return ServedLibrary(self._interface, self._over_network, self._over_network)

    def reached_from(self, machine: Machine) -> ServedLibrary:
        """Give the library as what runs in another sandbox needs it.

        Raises:
            SandboxError: there is no way from there.
        """
        endpoint = machine.reach(self.connection.endpoint)
        connection = dataclasses.replace(self.connection, endpoint=endpoint)
        return ServedLibrary(self._interface, connection, self._over_network)

    @property
    def schema(self) -> InterfaceSchema:
        """What the interface exposes. Raises what its own schema raises."""
        return self._interface.schema

    @property
    def files(self) -> dict[str, str]:
        """The generated package. Raises what `schema` raises."""
        return library_files(self.schema)

    @property
    def docs(self) -> str:
        """The signatures and docstrings of the functions. Raises what `schema` raises."""
        return library_docs(self.schema)

    @property
    def is_single_file(self) -> bool:
        """Generated libraries are packages."""
        return False


class ServedSkill(Skill):
    """A skill whose script calls a served interface.

    Its files are made when they are needed: an interface may still wait for a module.
    """

    def __init__(self, interface: ServedInterface, connection: Connection) -> None:
        """Take the interface and the way to it."""
        super().__init__(
            skill_name(interface.name),
            {},
            private_files={f"{interface.name}.json": connection.to_json()},
        )
        self.connection = connection
        self._interface = interface

    @property
    def schema(self) -> InterfaceSchema:
        """What the interface exposes. Raises what its own schema raises."""
        return self._interface.schema

    @property
    def description(self) -> str:
        """What it does, and when to use it. Raises what `schema` raises."""
        return skill_description(self.schema)

    @property
    def files(self) -> dict[str, str]:
        """The generated folder. Raises what `schema` raises."""
        return skill_files(self.schema, sys.executable)


def served_prompt(skill: ServedSkill, folder: Path, tokens: int) -> str:
    """Tell a model of an interface; the command that calls it is installed below `folder`.

    Raises:
        ConfigError: so few tokens have no room for it.
        InterfaceError: the interface still waits for a module.
    """
    name = skill.schema.name
    # Several interfaces of a sandbox may have one skill name.
    script = skill.install(folder / PROMPTS / name) / SCRIPT
    return interface_prompt(
        skill.schema, [sys.executable, str(script)], library=name, tokens=tokens
    )


def not_listening() -> ConfigError:
    """Give the error of a sandbox that other machines cannot reach."""
    return ConfigError(
        "the sandbox is reached from this machine alone",
        hint='start it with SandboxConfig(listen="0.0.0.0:8443")',
    )


def reached_from(workspace: Workspace, machine: Machine) -> Workspace:
    """Give a workspace whose served libraries can be called from inside a sandbox.

    Raises:
        SandboxError: there is no way from there.
    """
    libraries = [
        each.reached_from(machine) if type(each) is ServedLibrary else each
        for each in workspace.libraries
    ]
    return dataclasses.replace(workspace, libraries=libraries)
