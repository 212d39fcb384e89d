"""The server's command line: its options, and how it is run."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from seer_rpc.client.connection import VARIABLE
from seer_rpc.errors import ConfigError
from seer_rpc.files import remove_old
from seer_rpc.locations import (
    MCP_SCHEMA,
    MCP_TERMINAL,
    MCP_VARIABLE,
    NOTEBOOK_VARIABLE,
    notebooks_folder,
    results_folder,
)
from seer_rpc.progress import note
from seer_rpc.shell.calls import seconds
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema

if TYPE_CHECKING:
    from fastmcp import FastMCP
    from fastmcp.server.auth import TokenVerifier

TOKEN_VARIABLE = "SEER_MCP_TOKEN"

_WAIT = 45.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a server behaves."""
    add_serving_options(parser)
    parser.add_argument(
        "--timeout", type=seconds, metavar="SECONDS", help="end every call that takes longer"
    )


def add_serving_options(parser: argparse.ArgumentParser, later: str = "a job id") -> None:
    """Add those that all servers have: how clients come in, and how long they wait.

    Args:
        parser: What has them.
        later: By what clients ask for a result that they do not wait for.
    """
    parser.add_argument(
        "--http",
        metavar="HOST:PORT",
        type=_address,
        help=f"listen there instead of talking over stdio; clients need the bearer token of "
        f"{TOKEN_VARIABLE}, or, without that, the one that is printed on standard error",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another name by which clients reach it over HTTP; repeatable",
    )
    parser.add_argument(
        "--wait",
        type=seconds,
        default=_WAIT,
        metavar="SECONDS",
        help=f"answer a call that takes longer with {later} (default: {_WAIT:g}); many clients "
        "give up after 60",
    )


def run(parsed: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Serve what the variables name, until the client hangs up or the process is ended.

    Raises:
        ConfigError: they do not name a server, or it cannot be as it is configured.
    """
    folder = _named(environment, MCP_VARIABLE)
    session = environment.get(NOTEBOOK_VARIABLE)

    def make(auth: TokenVerifier | None) -> FastMCP:
        if session:
            return _notebooks(parsed, folder, auth, notebooks_folder(), Path(session))
        return _interface_or_terminal(parsed, environment, folder, auth)

    _serve(parsed, environment, make)


def run_sandboxes(parsed: argparse.Namespace, shared: Path | None) -> None:
    """Serve all sandboxes of this user, until the client hangs up or the process is ended.

    Raises:
        ConfigError: it cannot be as it is configured.
    """

    def make(auth: TokenVerifier | None) -> FastMCP:
        from seer_rpc.mcp.terminal.server import make_sandboxes

        remove_old(results_folder())
        return make_sandboxes(results_folder(), parsed.wait, parsed.timeout, auth, shared)

    _serve(parsed, os.environ, make)


def run_notebooks(parsed: argparse.Namespace, copies: Path | None) -> None:
    """Serve notebook sessions, those that clients attach to or start.

    Raises:
        ConfigError: it cannot be as it is configured.
    """

    def make(auth: TokenVerifier | None) -> FastMCP:
        remove_old(results_folder())
        return _notebooks(parsed, results_folder(), auth, copies or notebooks_folder())

    _serve(parsed, os.environ, make)


def _serve(
    parsed: argparse.Namespace,
    environment: Mapping[str, str],
    make: Callable[[TokenVerifier | None], FastMCP],
) -> None:
    # Arrays are shown by their numbers, and to import torch takes longer than a client waits.
    sys.modules.setdefault("torch", None)  # type: ignore[arg-type]
    # What lies in the working directory is none of its settings.
    os.environ.setdefault("FASTMCP_ENV_FILE", os.devnull)
    from seer_rpc.mcp.serving import BearerToken, serve_http, serve_stdio

    server = make(BearerToken(_token(environment)) if parsed.http else None)
    if parsed.http:
        host, port = parsed.http
        asyncio.run(serve_http(server, host, port, parsed.allow_host))
    else:
        asyncio.run(serve_stdio(server))


def _interface_or_terminal(
    parsed: argparse.Namespace,
    environment: Mapping[str, str],
    folder: Path,
    auth: TokenVerifier | None,
) -> FastMCP:
    from seer_rpc.mcp.interface.server import make_server
    from seer_rpc.mcp.terminal.desk import read_terminal
    from seer_rpc.mcp.terminal.server import make_terminal

    if (folder / MCP_TERMINAL).exists():
        terminal = read_terminal(folder / MCP_TERMINAL)
        return make_terminal(terminal, folder, parsed.wait, parsed.timeout, auth)
    schema = _read_schema(folder / MCP_SCHEMA)
    connection_file = _named(environment, VARIABLE)
    return make_server(schema, connection_file, folder, parsed.wait, parsed.timeout, auth)


def _notebooks(
    parsed: argparse.Namespace,
    folder: Path,
    auth: TokenVerifier | None,
    copies: Path,
    session: Path | None = None,
) -> FastMCP:
    from seer_rpc.mcp.notebook.server import about_session, make_notebook
    from seer_rpc.mcp.notebook.sessions import Sessions

    about = about_session(folder) if session is not None else ""
    return make_notebook(Sessions(copies, session), folder, parsed.wait, about, auth)


def _named(environment: Mapping[str, str], variable: str) -> Path:
    path = environment.get(variable)
    if not path:
        raise ConfigError(
            f"{variable} is not set",
            hint='use the configuration that serve(..., expose_as="mcp") gives',
        )
    return Path(path)


def _read_schema(file: Path) -> InterfaceSchema:
    try:
        return InterfaceSchema.FromString(file.read_bytes())
    except FileNotFoundError:
        hint = "serve the interface again, and bring every module that it waits for"
        raise ConfigError(f"there is no schema at {file}", hint=hint) from None
    except (OSError, DecodeError) as error:
        raise ConfigError(f"{file} is no schema: {error}") from error


def _token(environment: Mapping[str, str]) -> str:
    token = environment.get(TOKEN_VARIABLE)
    if token:
        return token
    token = secrets.token_urlsafe(32)
    note(f"clients need the header  Authorization: Bearer {token}")
    return token


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError("as in 127.0.0.1:8080")
    return host.strip("[]"), int(port)
