"""`seer describe`: what an interface file exposes."""

from __future__ import annotations

import argparse
import json

from rich.console import Console

from seer_rpc.cli.options import Commands, add_interface_options, sandbox_config
from seer_rpc.cli.ready_made import interface_path
from seer_rpc.environment import ScopedSandbox
from seer_rpc.environment.sources import describe_source
from seer_rpc.presentation.interfaces import schema_json, schema_text
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema

_EPILOG = """\
With --static the source alone is read: nothing of it runs and no model is loaded, so what it
imports may be missing. Types that could not be resolved are shown as ?Name, with a warning each.

examples:
  seer describe interface.py --model ./my-model
  seer describe --static interface.py
"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "describe",
        help="show what an interface file exposes",
        description="Load an interface file in a sandbox of its own and show its functions.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_interface_options(parser)
    parser.add_argument("--json", action="store_true", help="print the schema as JSON")
    parser.add_argument("--static", action="store_true", help="read the source, load nothing")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> None:
    """Print the description on standard output."""
    schema = _schema(parsed)
    if parsed.json:
        print(json.dumps(schema_json(schema), indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False, soft_wrap=True)
    for paragraph in schema_text(schema):
        console.print(paragraph, end="\n\n")


def _schema(parsed: argparse.Namespace) -> InterfaceSchema:
    if parsed.static:
        return describe_source(interface_path(parsed.interface))
    with ScopedSandbox(sandbox_config(parsed)) as scoped:
        return scoped.serve(interface_path(parsed.interface)).schema
