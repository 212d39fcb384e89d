"""`seer mcp notebook`: notebook sessions as tools of MCP clients."""

from __future__ import annotations

import argparse
from pathlib import Path

from seer_rpc.cli.options import Commands
from seer_rpc.environment.mcp import check_mcp
from seer_rpc.mcp.command import add_serving_options, run_notebooks

_EPILOG = """\
examples:
  claude mcp add notebook -- seer mcp notebook
  seer mcp config notebook                      # how other clients start it
  seer mcp notebook --http 127.0.0.1:8001

A set-up script prints session_id and jupyter_url; attach_to_session takes the two.
"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "notebook",
        help="serve notebook sessions, to run cells where models are loaded",
        description="Serve notebook sessions to MCP clients: those of set-up scripts, which they "
        "attach to, and others on this machine.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--notebook-dir",
        type=Path,
        metavar="FOLDER",
        help="where copies of the notebooks are kept, in a folder for each session (default: in "
        "the state folder, ~/.local/state/seer/notebooks)",
    )
    add_serving_options(parser, "an execution_id")
    parser.set_defaults(run=_run)


def _run(parsed: argparse.Namespace) -> None:
    check_mcp()
    run_notebooks(parsed, parsed.notebook_dir)
