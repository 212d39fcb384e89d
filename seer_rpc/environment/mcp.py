"""Interfaces that are served to MCP clients: the configuration that starts their server."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from seer_rpc.client.connection import VARIABLE, Connection
from seer_rpc.environment.served import ServedInterface, ServedLibrary
from seer_rpc.errors import PackageMissingError
from seer_rpc.files import remove_old, write_whole
from seer_rpc.generators.mcp import mcp_tools
from seer_rpc.locations import (
    MCP_NOTEBOOK,
    MCP_SCHEMA,
    MCP_TERMINAL,
    MCP_VARIABLE,
    NOTEBOOK_VARIABLE,
    PRIVATE_FOLDER,
    mcp_folder,
    sandboxes_folder,
)
from seer_rpc.registry import SandboxRecord, running_sandboxes
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema

_CONNECTIONS = "mcp"
"""Where the sandbox's folder has the connection files of its servers."""

_CONFIG = ".config"

_ROOTS = ("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""They name the authorities of sandboxes elsewhere; clients pass no variables on."""

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST = 64

_COMMAND = (sys.executable, "-P", "-m", "seer_rpc.mcp")
"""Not from the working directory, whose files may be called as modules are."""


class ServedMcp(dict[str, dict[str, Any]], ServedLibrary):
    """The configuration of an MCP server, by the name of its interface: plain JSON, no secret.

    It is a library of the same functions, too. A workspace that has it gets both: the package, and
    an entry in its `.mcp.json`.
    """

    def __init__(
        self,
        interface: ServedInterface,
        connection: Connection,
        over_network: Connection | None,
        sandbox: Path,
    ) -> None:
        """Write what the server needs, the connection into the sandbox's own folder.

        The schema outlives the sandbox: the server can say then that it is gone.
        """
        ServedLibrary.__init__(self, interface, connection, over_network)
        self._folder = _make_folder(f"{sandbox.name}-{interface.name}")
        file = _write(sandbox, f"{interface.name}.json", connection.to_json())
        interface.when_loaded(self._keep_schema)
        environment = {VARIABLE: str(file), MCP_VARIABLE: str(self._folder)}
        dict.__init__(self, _remembered(sandbox, interface.name, environment))

    @property
    def mcp_servers(self) -> dict[str, Any]:
        """What a client's configuration says, by name."""
        return dict(self)

    def _keep_schema(self, schema: InterfaceSchema) -> None:
        # What no server could offer is better said here.
        mcp_tools(schema)
        write_whole(self._folder / MCP_SCHEMA, schema.SerializeToString())


def configuration(name: str, command: Sequence[str], env: Mapping[str, str]) -> dict[str, Any]:
    """Give what clients need to start a server that imports this library as it is imported here."""
    program, *args = command
    roots = {each: os.environ[each] for each in _ROOTS if each in os.environ}
    variables = {**env, **roots, **_import_path()}
    return {name: {"type": "stdio", "command": program, "args": args, "env": variables}}


def terminal_server(name: str, sandbox: SandboxRecord, known: Mapping[str, str]) -> dict[str, Any]:
    """Configure a server whose tools work in a sandbox, and that is told what is `known`.

    What opens the sandbox stays where the sandbox is written down.
    """
    folder = _make_folder(f"{sandbox.id}-{name}")
    told = {"sandbox": str(sandbox.folder), **known}
    write_whole(folder / MCP_TERMINAL, json.dumps(told).encode())
    return _remembered(sandbox.folder, name, {MCP_VARIABLE: str(folder)})


def server_name(text: str) -> str:
    """Give a name that clients take for a server, as like `text` as it can be."""
    return _NOT_IN_NAMES.sub("-", text)[:_LONGEST].strip("-") or "notebook"


def notebook_server(
    name: str, sandbox: SandboxRecord, session: Mapping[str, str], known: Mapping[str, str]
) -> dict[str, Any]:
    """Configure a server that has a notebook session from its start, and is told what is `known`.

    What opens the session is in a file that only its owner reads, where the sandbox is written
    down.
    """
    folder = _make_folder(f"{sandbox.id}-{name}")
    write_whole(folder / MCP_NOTEBOOK, json.dumps(known).encode())
    file = _write(sandbox.folder, _session_file(session["session_id"]), json.dumps(session))
    environment = {MCP_VARIABLE: str(folder), NOTEBOOK_VARIABLE: str(file)}
    return _remembered(sandbox.folder, name, environment)


def forget_notebook_server(name: str, sandbox_id: str, session_id: str) -> None:
    """Have no server reach a session that has ended."""
    folder = sandboxes_folder() / sandbox_id / _CONNECTIONS
    for file in (_session_file(session_id), f"{name}{_CONFIG}"):
        (folder / file).unlink(missing_ok=True)


def _session_file(session_id: str) -> str:
    return f"{session_id}.session"


def _remembered(home: Path, name: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Configure a server of a sandbox, and write that down for `running_servers`."""
    config = configuration(name, _COMMAND, environment)
    _write(home, f"{name}{_CONFIG}", json.dumps(config))
    return config


def _write(home: Path, name: str, text: str) -> Path:
    """Write a file that is gone with the sandbox, whose folder is its `home`."""
    file = home / _CONNECTIONS / name
    file.parent.mkdir(exist_ok=True, mode=0o700)
    write_whole(file, text.encode())
    return file


def running_servers() -> list[dict[str, Any]]:
    """Give the configurations of the servers of running sandboxes, one each."""
    texts = [
        text
        for sandbox in running_sandboxes()
        for text in _configurations(sandbox.folder / _CONNECTIONS)
    ]
    return [json.loads(text) for text in texts]


def check_mcp() -> None:
    """See to it that a server can be started here.

    Raises:
        PackageMissingError: what it stands on is not installed.
    """
    if importlib.util.find_spec("fastmcp") is None:
        raise PackageMissingError(
            "MCP servers need packages that are not installed",
            hint="pip install 'seer-rpc[mcp]'",
        )


def _configurations(folder: Path) -> Iterator[str]:
    # A sandbox that ends meanwhile takes its files with it.
    with suppress(FileNotFoundError):
        for file in sorted(folder.glob(f"*{_CONFIG}")):
            with suppress(FileNotFoundError):
                yield file.read_text()


def _make_folder(name: str) -> Path:
    """Make the folder of a server; those of long ago go, but for those of running sandboxes."""
    everything = mcp_folder()
    everything.mkdir(parents=True, exist_ok=True, mode=0o700)
    needed = {sandbox.folder.name for sandbox in running_sandboxes()}
    remove_old(everything, lambda folder: folder.name.partition("-")[0] in needed)
    folder = everything / name
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


def _import_path() -> dict[str, str]:
    """Give where to import from what is not installed; the libraries of sessions are no part."""
    folders = map(os.path.abspath, filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
    path = [each for each in folders if not Path(each, PRIVATE_FOLDER).is_dir()]
    return {"PYTHONPATH": os.pathsep.join(path)} if path else {}
