"""`seer mcp sandbox`: the user's sandboxes as tools."""

from __future__ import annotations

import argparse
from pathlib import Path

from seer_rpc.cli.options import Commands
from seer_rpc.environment.mcp import check_mcp
from seer_rpc.errors import ConfigError
from seer_rpc.mcp.command import add_options, run_sandboxes

_EPILOG = """\
Its tools list your running sandboxes and tell of each; run commands and Python; show GPUs and
processes; list, read and write files; keep snapshots, and end sandboxes. Each takes a sandbox's
id or name. They were started by scripts, by `seer notebook` and the like; this command starts none,
and ends none when it ends.

examples:
  seer mcp sandbox                                # started by a client, over stdio
  seer mcp sandbox --share ./data                 # files of ./data can be copied in and out
  seer mcp sandbox --http 127.0.0.1:8000
  seer mcp config sandbox --client claude-code    # how clients start it
"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "sandbox",
        help="let clients work in all of your running sandboxes",
        description="Serve the running sandboxes of this user to MCP clients, as tools.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--share",
        type=Path,
        metavar="FOLDER",
        help="a folder of this machine between which and sandboxes files can be copied; without "
        "it no file of this machine is read or written",
    )
    add_options(parser)
    parser.set_defaults(run=_run)


def _run(parsed: argparse.Namespace) -> None:
    check_mcp()
    if parsed.share is not None and not parsed.share.is_dir():
        raise ConfigError(f"--share: there is no folder {parsed.share}")
    run_sandboxes(parsed, parsed.share)
