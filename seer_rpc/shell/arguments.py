"""The arguments of a call, as they stand on a command line: to one JSON object."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from seer_rpc.shell.output import UsageError
from seer_runtime.wire.pb.interface_pb2 import Function

ARGUMENTS_HELP = """\
Arguments are a JSON object by the parameters' names. NAME=VALUE is taken as it stands where the
parameter takes nothing but text; otherwise it is read as JSON where it is JSON, and as text where
it is not: value='"12"' gives the text to a parameter of several types. Dates are ISO 8601, bytes
are base64, enums are their values, and NaN and infinities are "NaN", "Infinity" and "-Infinity".
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the ways to give a function its arguments."""
    parser.add_argument(
        "arguments",
        metavar="NAME=VALUE | @FILE | -",
        nargs="*",
        type=_argument,
        help="an argument of the function; or a file of JSON, - being standard input; repeatable",
    )
    parser.add_argument(
        "--json",
        metavar="OBJECT",
        help="the arguments as a JSON object, as @FILE, or as - for standard input",
    )


def parse(parser: argparse.ArgumentParser, given: Sequence[str] | None) -> argparse.Namespace:
    """Parse a command line where options and arguments of a function stand in any order."""
    parsed, rest = parser.parse_known_args(given)
    late = [each for each in rest if each == "-" or not each.startswith("-")]
    if len(late) < len(rest) or (late and not hasattr(parsed, "arguments")):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        # argparse takes no positional that comes behind an option for one of several.
        parsed.arguments = [*getattr(parsed, "arguments", ()), *map(_argument, late)]
    except argparse.ArgumentTypeError as error:
        parser.error(str(error))
    return parsed


def read_arguments(parsed: argparse.Namespace, function: Function) -> str:
    """Give the arguments as the text of a JSON object; of those given twice the last one counts.

    Raises:
        UsageError: a file cannot be read, or there is no object to add NAME=VALUE to.
    """
    texts = [parsed.json] if parsed.json is not None else []
    texts += [each for each in parsed.arguments if isinstance(each, str)]
    objects = [_content(each) for each in texts]
    pairs = [each for each in parsed.arguments if not isinstance(each, str)]
    if len(objects) == 1 and not pairs:
        # Whoever reads it says what is wrong with it.
        return objects[0]
    # As they are written: numbers have digits that Python's own have no room for.
    members = [_members(text) for text in objects]
    members += [f"{json.dumps(name)}: {_value(function, name, text)}" for name, text in pairs]
    return f"{{{', '.join(filter(None, members))}}}"


def _argument(text: str) -> str | tuple[str, str]:
    if text == "-" or text.startswith("@"):
        return text
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is neither NAME=VALUE nor @FILE nor -")
    return name, value


def _content(text: str) -> str:
    try:
        if text == "-":
            return sys.stdin.read()
        return Path(text[1:]).read_text("utf-8") if text.startswith("@") else text
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the arguments from {text}: {error}") from error


def _members(text: str) -> str:
    """Give what is between the brackets of an object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the arguments are no JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError("the arguments are a JSON object, by the parameters' names")
    return text.strip()[1:-1].strip()


def _value(function: Function, name: str, text: str) -> str:
    """Give the JSON of an argument that may be text."""
    if not _takes_text_alone(function, name):
        with contextlib.suppress(ValueError, RecursionError):
            json.loads(text)
            return text
    return json.dumps(text)


def _takes_text_alone(function: Function, name: str) -> bool:
    schema = json.loads(function.input_schema or "{}")
    described = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
    if isinstance(described, dict) and "$ref" in described:
        described = schema.get("$defs", {}).get(described["$ref"].rpartition("/")[2])
    return isinstance(described, dict) and described.get("type") == "string"
