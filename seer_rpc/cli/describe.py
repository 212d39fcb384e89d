"""`seer describe`: what an interface file exposes."""

from __future__ import annotations

import argparse
import textwrap

from google.protobuf.json_format import MessageToJson
from rich.console import Console
from rich.text import Text

from seer_rpc.cli.options import Commands, add_interface_options, sandbox_config
from seer_rpc.environment import ScopedSandbox
from seer_rpc.generators import signature
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "describe",
        help="show what an interface file exposes",
        description="Load an interface file in a sandbox of its own and show its functions.",
        epilog="example: seer describe interface.py --model ./my-model",
    )
    add_interface_options(parser)
    parser.add_argument("--json", action="store_true", help="print the schema as JSON")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> None:
    """Print the description on standard output."""
    with ScopedSandbox(sandbox_config(parsed)) as scoped:
        schema = scoped.serve(parsed.interface).schema
    if parsed.json:
        print(MessageToJson(schema, preserving_proto_field_name=True))
    else:
        _show(schema)


def _show(schema: InterfaceSchema) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if schema.doc:
        console.print(Text(schema.doc), end="\n\n")
    for function in schema.functions:
        console.print(Text(signature(function), style="bold"))
        console.print(Text(textwrap.indent(function.doc, "    ")), end="\n\n")
    for warning in schema.warnings:
        console.print(Text(f"warning: {warning}", style="yellow"))
