"""`seer call`: one call of an exposed function."""

from __future__ import annotations

import argparse
import itertools
import json
from typing import Any

from seer_rpc.cli.options import Commands, add_interface_options, sandbox_config
from seer_rpc.client import Session
from seer_rpc.environment import ScopedSandbox
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema
from seer_runtime.wire.records import fields_of

_EPILOG = """\
A value is taken as it stands where the parameter is a str. Otherwise it is read as JSON where it
is JSON, and as text where it is not: text='"12"' gives the text to a parameter of several types.

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
    parser.add_argument(
        "arguments",
        metavar="NAME=VALUE",
        nargs="*",
        type=_argument,
        help="an argument of the function; repeatable",
    )
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> None:
    """Print the result on standard output: as JSON where it is that, else as Python shows it."""
    with ScopedSandbox(sandbox_config(parsed)) as scoped:
        library = scoped.serve(parsed.interface)
        texts = _text_parameters(library.schema, parsed.function)
        arguments = {
            name: text if name in texts else _value(text) for name, text in parsed.arguments
        }
        with Session(library.connection) as session:
            value = session.call(parsed.function, [], arguments)
    print(_shown(value))


def _argument(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _text_parameters(schema: InterfaceSchema, function: str) -> set[str]:
    """Give the parameters that take text as it stands, "12" and "true" included."""
    parameters = (each.parameters for each in schema.functions if each.name == function)
    return {p.name for p in itertools.chain(*parameters) if p.type.name == "str"}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


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
