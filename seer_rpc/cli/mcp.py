"""`seer mcp`: MCP servers, and what clients need to know of them."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seer_rpc.cli import mcp_notebook, mcp_sandbox
from seer_rpc.cli.options import Commands, add_interface_options, sandbox_config
from seer_rpc.cli.ready_made import interface_path
from seer_rpc.environment import ScopedSandbox
from seer_rpc.environment.mcp import configuration, running_servers
from seer_rpc.errors import ConfigError
from seer_rpc.mcp.command import add_options, run

_EPILOG = """\
examples:
  seer mcp serve interface.py                      # started by a client, over stdio
  seer mcp serve interface.py --http 127.0.0.1:8000
  seer mcp config interface.py --model ./my-model  # how clients start the former
  seer mcp config word_tools                       # of an interface that a script serves as "mcp"
  seer mcp notebook                                # notebook sessions, for agents
  seer mcp config notebook                         # how clients start that
  seer mcp sandbox                                 # commands and files in all of your sandboxes
  seer mcp config sandbox                          # how clients start that
"""

_SEER = (sys.executable, "-P", "-m", "seer_rpc.cli")
_OWN = ("notebook", "sandbox")
"""Servers of no one interface, by their commands."""

_STATES = "XDG_STATE_HOME"


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "mcp",
        help="serve an interface, notebooks or your sandboxes to MCP clients, and tell how to add "
        "that",
        description="Serve an interface, notebook sessions or your sandboxes to MCP clients.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subcommands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_serve(subcommands)
    mcp_sandbox.add_parser(subcommands)
    _add_config(subcommands)
    mcp_notebook.add_parser(subcommands)


def _add_serve(commands: Commands) -> None:
    parser = commands.add_parser(
        "serve",
        help="serve an interface file until the client hangs up",
        description="Load an interface file in a sandbox of its own and serve it to MCP clients.",
    )
    add_interface_options(parser)
    parser.add_argument("--name", help="what to call it; the file's stem without that")
    add_options(parser)
    parser.set_defaults(run=_serve)


def _add_config(commands: Commands) -> None:
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
    parser.add_argument("--client", choices=_CLIENTS, help="print this client's part alone")
    parser.set_defaults(run=_config)


def _serve(parsed: argparse.Namespace) -> None:
    with ScopedSandbox(sandbox_config(parsed)) as scoped:
        file = interface_path(parsed.interface)
        config = scoped.serve(file, expose_as="mcp", name=parsed.name)
        (server,) = config.values()
        run(parsed, {**os.environ, **server["env"]})


def _config(parsed: argparse.Namespace) -> None:
    file = Path(parsed.interface)
    if parsed.interface in _OWN:
        config = _of_own(parsed)
    else:
        config = _of_file(parsed, file) if file.exists() else _of_running(parsed)
    clients = [parsed.client] if parsed.client else list(_CLIENTS)
    ((name, server),) = config.items()
    parts = []
    for client in clients:
        place, text = _CLIENTS[client]
        head = f"# {place}\n" if len(clients) > 1 else ""
        parts.append(f"{head}{text(name, server)}")
    print(_readable("\n\n".join(parts)))


def _of_own(parsed: argparse.Namespace) -> dict[str, Any]:
    # Where sandboxes are written down; clients pass no variables on.
    states = {name: os.environ[name] for name in (_STATES,) if name in os.environ}
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


def _claude_code(name: str, server: Mapping[str, Any]) -> str:
    env = [option for item in _assignments(server) for option in ("--env", item)]
    words = ["claude", "mcp", "add", name, *env, "--", *_command(server)]
    return shlex.join(words)


def _mcp_servers(name: str, server: Mapping[str, Any]) -> str:
    return _json({"mcpServers": {name: dict(server)}})


def _vs_code(name: str, server: Mapping[str, Any]) -> str:
    return _json({"servers": {name: dict(server)}})


def _codex(name: str, server: Mapping[str, Any]) -> str:
    variables = ", ".join(f"{key} = {_toml(text)}" for key, text in server["env"].items())
    lines = [
        f"[mcp_servers.{_toml(name)}]",
        f"command = {_toml(server['command'])}",
        f"args = {_toml(server['args'])}",
        "startup_timeout_sec = 120",
        f"env = {{ {variables} }}",
    ]
    return "\n".join(lines)


def _toml(value: str | Sequence[str]) -> str:
    # A text in JSON is one in TOML, and a list of them an array, but for what TOML has escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", r"\u007f")


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _assignments(server: Mapping[str, Any]) -> list[str]:
    return [f"{name}={text}" for name, text in server["env"].items()]


def _command(server: Mapping[str, Any]) -> Sequence[str]:
    return [server["command"], *server["args"]]


_CLIENTS: dict[str, tuple[str, Callable[[str, Mapping[str, Any]], str]]] = {
    "claude-code": ("Claude Code: run this", _claude_code),
    "claude-desktop": ("Claude Desktop: in claude_desktop_config.json", _mcp_servers),
    "cursor": ("Cursor: in .cursor/mcp.json", _mcp_servers),
    "codex": ("Codex: in ~/.codex/config.toml", _codex),
    "vs-code": ("VS Code: in .vscode/mcp.json", _vs_code),
}
