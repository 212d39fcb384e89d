"""The command of a skill: its functions, what they take, and calls of them."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from google.protobuf.json_format import Parse

from seer_rpc.client import Connection
from seer_rpc.generators import SCHEMA, example_arguments, example_function
from seer_rpc.presentation.hints import function_hints
from seer_rpc.shell.arguments import ARGUMENTS_HELP, add_arguments, parse, read_arguments
from seer_rpc.shell.calls import (
    STATUS_HELP,
    CallOptions,
    add_call_options,
    add_output_option,
    make_call,
    seconds,
    time_limit,
)
from seer_rpc.shell.functions import find_function
from seer_rpc.shell.jobs import Jobs
from seer_rpc.shell.output import Printed, check_output, run_command, to_text
from seer_runtime.wire.outline import signature
from seer_runtime.wire.pb.interface_pb2 import Function, InterfaceSchema

_WAIT = 5.0
"""Seconds for which `job` waits."""

_EXAMPLES = """\
examples:
  {program} list
  {program} describe {function}
  {program} call {function} --json {arguments}
  {program} call {function} --async @arguments.json
  {program} job 3fa94c51 --wait 30
"""


def main(skill: Path, arguments: Sequence[str] | None = None) -> None:
    """Run the command of the skill in a folder; exits with a status that says how it went."""
    text = (skill / SCHEMA).read_text("utf-8")
    schema = Parse(text, InterfaceSchema(), ignore_unknown_fields=True)
    program = shlex.join([sys.executable, str(Path(sys.argv[0]).absolute())])
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] not in _COMMANDS and not given[0].startswith("-"):
        # The function's name alone says that it is to be called.
        given.insert(0, "call")
    parsed = parse(_parser(schema, program), given)
    command = _Command(schema, skill, program, parsed)
    sys.exit(run_command(partial(parsed.run, command), Path(sys.argv[0]).name))


class _Command:
    """A command line that was understood."""

    def __init__(
        self, schema: InterfaceSchema, skill: Path, program: str, parsed: argparse.Namespace
    ) -> None:
        self._schema = schema
        self._skill = skill
        self._program = program
        self._parsed = parsed

    def list(self) -> Printed:
        """Show every function in a line."""
        functions = [
            {"signature": signature(each), "doc": each.doc.partition("\n")[0]}
            for each in self._schema.functions
        ]
        return Printed(to_text({"interface": self._schema.name, "functions": functions}))

    def describe(self) -> Printed:
        """Show all that there is to know about a function.

        Raises:
            FunctionMissingError: there is none of that name.
        """
        return Printed(to_text(_description(self._function())))

    def call(self) -> Printed:
        """Call a function, or have a job do it. Raises what the call raises."""
        options = CallOptions.of(self._parsed)
        function = self._function()
        arguments = read_arguments(self._parsed, function)
        if self._parsed.is_job:
            return self._jobs().start(function, arguments, time_limit(function, options))
        return make_call(self._connection(), self._schema.hash, function, arguments, options)

    def job(self) -> Printed:
        """Show what became of a job, or end it. Raises what `Jobs.look` raises."""
        parsed = self._parsed
        check_output(parsed.output)
        return self._jobs().look(parsed.id, parsed.wait, parsed.output, cancel=parsed.cancel)

    def _function(self) -> Function:
        return find_function(self._schema, self._parsed.function)

    def _jobs(self) -> Jobs:
        name = Path(sys.argv[0]).name
        return Jobs(self._connection(), self._schema.hash, name, self._program)

    def _connection(self) -> Connection:
        return Connection.find(self._schema.name, self._skill / SCHEMA)


_COMMANDS = ("list", "describe", "call", "job")


def _parser(schema: InterfaceSchema, program: str) -> argparse.ArgumentParser:
    function = example_function(schema)
    examples = _EXAMPLES.format(
        program=program, function=function.name, arguments=shlex.quote(example_arguments(function))
    )
    parser = argparse.ArgumentParser(
        prog=Path(sys.argv[0]).name,
        description=f"Call the functions of {schema.name}, which run in a sandbox. "
        f"FUNCTION ... stands for call FUNCTION ...; results are JSON on standard output.",
        epilog=_untouched(f"{examples}\n{ARGUMENTS_HELP}\n{STATUS_HELP}"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="list the functions")
    listing.set_defaults(run=_Command.list)
    describe = commands.add_parser("describe", help="tell all of a function, JSON Schemas included")
    describe.add_argument("function", metavar="FUNCTION")
    describe.set_defaults(run=_Command.describe)
    _add_call(
        commands.add_parser(
            "call", help="call a function", epilog=f"{ARGUMENTS_HELP}\n{STATUS_HELP}"
        )
    )
    _add_job(commands.add_parser("job", help="show the result of a job, or how far it is"))
    for each in commands.choices.values():
        each.formatter_class = argparse.RawDescriptionHelpFormatter
    return parser


def _untouched(text: str) -> str:
    """Give a text of which argparse makes the very same one."""
    return text.replace("%", "%%") if "%(prog)" in text else text


def _add_call(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("function", metavar="FUNCTION")
    add_arguments(parser)
    add_call_options(parser)
    parser.add_argument(
        "--async",
        dest="is_job",
        action="store_true",
        help="print the id of a job and be done; the call goes on, and job ID has its result, of "
        "a stream all items",
    )
    parser.add_argument(
        "--session",
        metavar="NAME",
        default="",
        help='keep what results like {"reference": 7} stand for, for an hour after the last call '
        "with this NAME; one call at a time",
    )
    parser.set_defaults(run=_Command.call)


def _add_job(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="as --async printed it")
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=seconds,
        default=_WAIT,
        help=f"how long to wait for the end; {_WAIT:g} by default",
    )
    parser.add_argument("--cancel", action="store_true", help="end the job")
    add_output_option(parser)
    parser.set_defaults(run=_Command.job)


def _description(function: Function) -> dict[str, Any]:
    return {
        "signature": signature(function),
        "doc": function.doc,
        "hints": function_hints(function),
        "example": json.loads(example_arguments(function)),
        "arguments": json.loads(function.input_schema or "{}"),
        "result": json.loads(function.output_schema or "{}"),
    }
