"""`seer mcp config`: how the common clients are told of a server."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from seer_rpc.cli.mcp.clients import CLIENTS
from seer_rpc.cli.options import Commands, add_interface_options
from seer_rpc.cli.ready_made import interface_path
from seer_rpc.environment.mcp import configuration, running_servers
from seer_rpc.errors import ConfigError

_SEER = (sys.executable, "-P", "-m", "seer_rpc.cli")
_OWN = ("notebook", "sandbox")
"""Servers of no one interface, by their commands."""

_STATES = "XDG_STATE_HOME"


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "config",
        help="print what to tell the common clients",
        description="Print how an interface is added to the common MCP clients: one that a running "
        'script serves with expose_as="mcp", or a file that is served as long as the client runs. '
        'The server of a CLI session goes by its name; "notebook" and "sandbox" '
        "are `seer mcp notebook` and `seer mcp sandbox`.",
    )
    add_interface_options(parser)
    parser.add_argument("--name", help="what clients call it")
    parser.add_argument("--client", choices=CLIENTS, help="print this client's part alone")
    parser.set_defaults(run=_run)


def _run(parsed: argparse.Namespace) -> None:
    file = Path(parsed.interface)
    if parsed.interface in _OWN:
        config = _of_own(parsed)
    else:
        config = _of_file(parsed, file) if file.exists() else _of_running(parsed)
    clients = [parsed.client] if parsed.client else list(CLIENTS)
    ((name, server),) = config.items()
    parts = []
    for client in clients:
        place, text = CLIENTS[client]
        head = f"# {place}\n" if len(clients) > 1 else ""
        parts.append(f"{head}{text(name, server)}")
    print(_readable("\n\n".join(parts)))


def _of_own(parsed: argparse.Namespace) -> dict[str, Any]:
    # Where sandboxes are written down; clients pass no variables on.
    states = {_STATES: os.environ[_STATES]} if _STATES in os.environ else {}
    name = parsed.interface
    return configuration(parsed.name or name, [*_SEER, "mcp", name], states)


def _of_file(parsed: argparse.Namespace, file: Path) -> dict[str, Any]:
    file = file.absolute()
    options = [option for model in parsed.model for option in ("--model", _absolute(model))]
    options += [option for secret in parsed.secret for option in ("--secret", secret)]
    name = parsed.name or file.stem
    command = [*_SEER, "mcp", "serve", str(file)]
    return configuration(name, [*command, "--name", name, *options], {})


def _of_running(parsed: argparse.Namespace) -> dict[str, Any]:
    servers = running_servers()
    found = [server for server in servers if parsed.interface in server]
    if len(found) == 1:
        ((name, server),) = found[0].items()
        return {parsed.name or name: server}
    if found:
        raise ConfigError(f"{len(found)} running sandboxes serve {parsed.interface!r}")
    ready_made = Path(interface_path(parsed.interface))
    if ready_made.exists():
        return _of_file(parsed, ready_made)
    known = ", ".join(sorted({name for server in servers for name in server})) or "none"
    raise ConfigError(
        f"no file and no running server is called {parsed.interface!r} (running: {known})",
        hint='give a file, or serve it with expose_as="mcp"',
    )


def _readable(text: str) -> str:
    """Give a text that clients can read.

    Raises:
        ConfigError: it names a file whose name is no text.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        shown = error.object[max(error.start - 40, 0) : error.end + 40]
        raise ConfigError(
            f"no client's configuration can name a file whose name is not UTF-8: {shown!r}",
            hint="rename the file, or the folder that it is in",
        ) from None
    return text


def _absolute(model: str) -> str:
    return str(Path(model).absolute()) if Path(model).exists() else model
