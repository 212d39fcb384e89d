"""`seer exec`: a command in a running sandbox."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from typing import BinaryIO

from seer_rpc.cli.options import Commands
from seer_rpc.environment import Sandbox
from seer_rpc.errors import CommandTimeoutError

_CHUNK = 1 << 16
_TIMED_OUT = 124

_EPILOG = """\
Standard input, output and error are the command's own, and so is its exit status: 128 and the
number of a signal where one ended it, 124 where its time was over. One word is shell code (bash),
several are a program and its arguments as they stand. It runs in /workspace.

examples:
  seer exec 3fa94c51 pip list
  seer exec experiment 'ls *.csv | wc -l'
  seer exec experiment tar c results | tar x          # out of the sandbox
  seer exec --timeout 60 -e SEED=1 experiment python train.py < prompts.txt
"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "exec",
        help="run a command in a running sandbox",
        description="Run a command in a running sandbox of this user.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="end it after so long")
    parser.add_argument("--cwd", default="/workspace", metavar="FOLDER", help="where it runs")
    parser.add_argument(
        *("-e", "--env"),
        action="append",
        default=[],
        type=_variable,
        metavar="NAME=VALUE",
        help="a variable for it; repeatable",
    )
    parser.add_argument(
        "-n", "--no-input", action="store_true", help="leave standard input alone, in a loop say"
    )
    parser.add_argument("sandbox", metavar="ID", help="its id, how that begins, or its name")
    parser.add_argument("command", metavar="COMMAND", nargs=argparse.REMAINDER)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> None:
    """Run it; exits with its exit status.

    Raises:
        SandboxError: there is no such sandbox.
    """
    words = parsed.command[1:] if parsed.command[:1] == ["--"] else parsed.command
    if not words:
        print("seer exec: which command? seer exec ID COMMAND...", file=sys.stderr)
        sys.exit(2)
    sandbox = Sandbox.from_id(parsed.sandbox)
    try:
        code = sandbox.run_through(
            words[0] if len(words) == 1 else words,
            input=iter(()) if parsed.no_input else _input(),
            on_stdout=lambda data: _write(sys.stdout.buffer, data),
            on_stderr=lambda data: _write(sys.stderr.buffer, data),
            timeout=parsed.timeout,
            cwd=parsed.cwd,
            env=dict(parsed.env),
        )
    except CommandTimeoutError as error:
        print(f"seer: {error}", file=sys.stderr)
        code = _TIMED_OUT
    except BrokenPipeError:
        # Nobody reads on; what is still in Python's own buffer has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    sys.exit(code if code >= 0 else 128 - code)


def _input() -> Iterator[bytes]:
    while chunk := os.read(0, _CHUNK):
        yield chunk


def _write(stream: BinaryIO, data: bytes) -> None:
    stream.write(data)
    stream.flush()


def _variable(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError("NAME=VALUE")
    return name, value
