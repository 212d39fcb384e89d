"""The `seer` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from seer_rpc.cli import (
    call,
    calls,
    demo,
    describe,
    exec,
    gc,
    logs,
    mcp,
    notebook,
    ps,
    run,
    serve,
    skill,
    snapshots,
    stop,
)
from seer_rpc.errors import SeerError
from seer_rpc.shell import parse

_DESCRIPTION = """\
Serve Python functions around a language model from a sandbox, and call them as if they were here.

An interface is one Python file; `@expose` marks the functions to call:

    @expose
    def shout(text: str) -> str:
        return text.upper()
"""

_COMMANDS = (
    *(demo, describe, serve, notebook, call, calls, run, mcp, skill),
    *(ps, logs, exec, stop, snapshots, gc),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; exits with 1 on an error of this library, with 2 on a wrong use."""
    parser = argparse.ArgumentParser(
        prog="seer", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(commands)
    parsed = parse(parser, arguments)
    try:
        parsed.run(parsed)
    except SeerError as error:
        print(f"seer: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
