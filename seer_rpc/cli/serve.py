"""`seer serve`: an interface, served until it is told to end."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from seer_rpc.cli.options import Commands, add_interface_options, sandbox_config
from seer_rpc.cli.ready_made import interface_path, names
from seer_rpc.environment import ScopedSandbox
from seer_rpc.registry import find_sandbox, is_running
from seer_rpc.workspace import Workspace

_PERIOD = 0.5

_EPILOG = f"""\
FILE is an interface file, or the name of one that comes with this library:
{", ".join(names())}.

examples:
  seer serve workbench --model HuggingFaceTB/SmolLM2-135M-Instruct
  seer serve activations --model ./my-model --into ./experiment
  seer serve interface.py --name tools
"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "serve",
        help="serve an interface to scripts until Ctrl-C",
        description="Serve an interface in a sandbox of its own, and write the library that calls "
        "it, until Ctrl-C or the sandbox's end. (`seer mcp serve` serves it to MCP clients.)",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_interface_options(parser)
    parser.add_argument("--name", help="what the library is called; the file's stem without that")
    parser.add_argument(
        "--into",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="where the library is written: here without that",
    )
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> None:
    """Serve it; says on standard error how it is imported."""
    with ScopedSandbox(sandbox_config(parsed)) as scoped:
        library = scoped.serve(interface_path(parsed.interface), name=parsed.name)
        parsed.into.mkdir(parents=True, exist_ok=True)
        Workspace(libraries=[library]).install(parsed.into)
        print(
            f"seer: `import {library.name}` works in {parsed.into.absolute()}; Ctrl-C ends it",
            file=sys.stderr,
            flush=True,
        )
        record = find_sandbox(scoped.sandbox_id)
        while is_running(record):
            time.sleep(_PERIOD)
