"""`seer mcp serve`: an interface file as tools of MCP clients."""

from __future__ import annotations

import argparse
import os

from seer_rpc.cli.options import Commands, add_interface_options, sandbox_config
from seer_rpc.cli.ready_made import interface_path
from seer_rpc.environment import ScopedSandbox
from seer_rpc.mcp.command import add_options, run


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "serve",
        help="serve an interface file until the client hangs up",
        description="Load an interface file in a sandbox of its own and serve it to MCP clients.",
    )
    add_interface_options(parser)
    parser.add_argument("--name", help="what to call it; the file's stem without that")
    add_options(parser)
    parser.set_defaults(run=_run)


def _run(parsed: argparse.Namespace) -> None:
    with ScopedSandbox(sandbox_config(parsed)) as scoped:
        file = interface_path(parsed.interface)
        config = scoped.serve(file, expose_as="mcp", name=parsed.name)
        (server,) = config.values()
        run(parsed, {**os.environ, **server["env"]})
