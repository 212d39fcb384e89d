"""`seer call`: one call of an exposed function."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from seer_rpc.cli.options import Commands, add_interface_options, sandbox_config
from seer_rpc.cli.ready_made import interface_path
from seer_rpc.environment import ScopedSandbox
from seer_rpc.shell import (
    ARGUMENTS_HELP,
    STATUS_HELP,
    CallOptions,
    Printed,
    add_arguments,
    add_call_options,
    find_function,
    make_call,
    read_arguments,
    run_command,
)

_EXAMPLES = """\
examples:
  seer call interface.py shout text=hello
  seer call interface.py shout --json '{"text": "hello"}' --timeout 10
  seer call interface.py analyze text="a cat" layers='[1, 2, 3]' --model ./my-model
"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "call",
        help="call one function of an interface file",
        description="Load an interface file in a sandbox of its own and call one function.",
        epilog=f"{_EXAMPLES}\n{ARGUMENTS_HELP}\n{STATUS_HELP}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_interface_options(parser)
    parser.add_argument("function", metavar="FUNCTION", help="the function to call")
    add_arguments(parser)
    add_call_options(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> None:
    """Print the result on standard output, as JSON; exits with what says how it went."""
    status = run_command(partial(_call, parsed), "seer")
    if status:
        sys.exit(status)


def _call(parsed: argparse.Namespace) -> Printed:
    options = CallOptions.of(parsed)
    with ScopedSandbox(sandbox_config(parsed)) as scoped:
        library = scoped.serve(interface_path(parsed.interface))
        function = find_function(library.schema, parsed.function)
        arguments = read_arguments(parsed, function)
        return make_call(library.connection, library.schema.hash, function, arguments, options)
