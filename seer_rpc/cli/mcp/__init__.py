"""`seer mcp`: MCP servers, and what clients need to know of them."""

from __future__ import annotations

import argparse

from seer_rpc.cli.mcp import config, notebook, sandbox, serve
from seer_rpc.cli.options import Commands

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
    for command in (serve, sandbox, config, notebook):
        command.add_parser(subcommands)
