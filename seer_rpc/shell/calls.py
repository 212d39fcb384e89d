"""One call from a shell, and how long it may take."""

from __future__ import annotations

import argparse
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seer_rpc.client import Connection, Session
from seer_rpc.errors import SeerError
from seer_rpc.presentation import Exit
from seer_rpc.shell.output import Printed, check_output, gather, keep_items, result
from seer_runtime.wire.pb.interface_pb2 import Function
from seer_runtime.wire.plain import JsonArguments

_LEASE = 3600.0
"""Seconds that a session with a name keeps what `Ref` results stand for, from call to call."""

STATUS_HELP = "exit status:\n" + "\n".join(f"  {int(each):3}  {each.meaning}" for each in Exit)


@dataclass(frozen=True)
class CallOptions:
    """What was asked for beside the function and its arguments."""

    timeout: float | None = None
    output: Path | None = None
    session: str = ""

    @classmethod
    def of(cls, parsed: argparse.Namespace) -> CallOptions:
        """Give what the options say.

        Raises:
            UsageError: the output cannot be written.
        """
        check_output(parsed.output)
        return cls(parsed.timeout, parsed.output, getattr(parsed, "session", ""))


def add_call_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every call has."""
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds,
        help="end the call if it takes longer; by default what the function says, or no limit",
    )
    add_output_option(parser)


def add_output_option(parser: argparse.ArgumentParser) -> None:
    """Add where to put the result."""
    parser.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        help="write the result to a file: JSON if it is called *.json; otherwise text and bytes as "
        "they are, arrays in numpy's format, and JSON for the rest",
    )


def make_call(
    connection: Connection,
    schema_hash: str,
    function: Function,
    arguments: str,
    options: CallOptions,
) -> Printed:
    """Call a function with the text of a JSON object; give what to print.

    Raises:
        SeerError: what `Session` and its `call` raise.
    """
    name = f"shell {options.session}" if options.session else ""
    items: list[Any] = []
    session = Session(connection, schema_hash, name=name, lease=_LEASE if name else None)
    try:
        given = JsonArguments(arguments)
        value = session.call(function.name, [given], {}, timeout=time_limit(function, options))
        return result(gather(value, items), options.output)
    except SeerError as error:
        keep_items(items, error)
        raise
    finally:
        if name:
            session.leave()
        else:
            session.close()


def time_limit(function: Function, options: CallOptions) -> float | None:
    """Give the seconds that a call may take: as it was asked for, or as the function says."""
    return options.timeout or function.timeout or None


def seconds(text: str) -> float:
    """Read a number of seconds from a command line."""
    value = float(text)
    if not 0 < value <= threading.TIMEOUT_MAX:
        raise argparse.ArgumentTypeError(f"{text} is no time that a call could take")
    return value
