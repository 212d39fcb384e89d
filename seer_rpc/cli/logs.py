"""`seer logs`: what a sandbox printed."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from seer_rpc.cli.options import Commands, count
from seer_rpc.environment.records import running_machine
from seer_rpc.registry import SandboxRecord, find_sandbox, is_running

_PERIOD = 0.2
_LAST = 100

_EPILOG = """\
The newest lines that the runtime and the interfaces of a sandbox printed. A line that was printed
during a call begins with the call's id; `seer calls` has what was called, with what and how it
ended.

examples:
  seer logs 3fa94c51              by id, or as much of it as makes it clear
  seer logs experiment -n 20      by name, the last 20 lines
  seer logs experiment -f         go on with what comes, until the sandbox ends or Ctrl-C
"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "logs",
        help="show what a sandbox printed",
        description="Show what a sandbox of this user printed.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sandbox", metavar="ID", help="its id, how that begins, or its name")
    parser.add_argument(
        "-n", "--lines", type=count, default=_LAST, metavar="N", help=f"lines; {_LAST} by default"
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> None:
    """Print on standard output.

    Raises:
        SandboxError: there is none of that name.
    """
    record = find_sandbox(parsed.sandbox, with_ended=True)
    machine = running_machine(record)
    if machine is not None:
        # That of one that is not here is fetched, and goes on to be.
        machine.logs(0)
    log = _Log(record.folder / "log")
    for line in log.read().splitlines()[-parsed.lines :]:
        print(line)
    if parsed.follow:
        for text in _follow(record, log):
            print(text, end="", flush=True)


def _follow(record: SandboxRecord, log: _Log) -> Iterator[str]:
    runs = True
    while runs:
        time.sleep(_PERIOD)
        # What it says last it says before its end.
        runs = is_running(record)
        yield log.read()


class _Log:
    """A log that others write; again and again gives what is new."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._number = self._place = 0

    def read(self) -> str:
        try:
            with self._file.open("rb") as file:
                number = self._status(file.fileno())
                if number != self._number:
                    self._number, self._place = number, 0
                file.seek(self._place)
                content = file.read()
        except FileNotFoundError:
            return ""
        self._place += len(content)
        return content.decode(sys.stdout.encoding or "utf-8", "replace")

    def _status(self, descriptor: int) -> int:
        status = os.fstat(descriptor)
        if status.st_size < self._place:
            # It was full, and begins anew.
            self._place = 0
        return status.st_ino
