"""`seer call`: one call of an exposed function."""

from __future__ import annotations

import argparse
import json
from typing import Any

from seer_runtime.wire.records import fields_of

from seer_rpc.cli.options import Commands, add_interface_options, sandbox_config
from seer_rpc.client import Session
from seer_rpc.environment import ScopedSandbox

_EPILOG = """\
Values are read as JSON where they are JSON, and as text otherwise.

examples:
  seer call interface.py shout text=hello
  seer call interface.py analyze text="a cat" layers='[1, 2, 3]' --model ./my-model
"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "call",
        help="call one function of an interface file",
        description="Load an interface file in a sandbox of its own and call one function.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_interface_options(parser)
    parser.add_argument("function", metavar="FUNCTION", help="the function to call")
    parser.add_argument("arguments", metavar="NAME=VALUE", nargs="*", type=_argument)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> None:
    """Print the result on standard output: as JSON where it is that, else as Python shows it."""
    with ScopedSandbox(sandbox_config(parsed)) as scoped:
        connection = scoped.connection(scoped.serve(parsed.interface).name)
        session = Session(connection)
        try:
            value = session.call(parsed.function, [], dict(parsed.arguments))
        finally:
            session.close()
    print(_shown(value))


def _argument(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _shown(value: object) -> str:
    try:
        return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=_fields)
    except (TypeError, ValueError):
        return repr(value)


def _fields(value: object) -> dict[str, Any]:
    fields = fields_of(value)
    if fields is None:
        raise TypeError(f"{type(value).__name__} has no fields")
    return fields
