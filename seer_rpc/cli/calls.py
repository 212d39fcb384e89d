"""`seer calls`: what was called in the running sandboxes."""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.text import Text

from seer_rpc.cli.options import Commands, count
from seer_rpc.cli.tables import console, table
from seer_rpc.environment.records import running_machine
from seer_rpc.errors import SandboxError
from seer_rpc.journal import CallRecord, Filter, JournalReader
from seer_rpc.registry import SandboxRecord, running_sandboxes
from seer_runtime.wire.journal import RUN

_LAST = 20
_PERIOD = 0.2
_EPILOG = """\
Each call of a running sandbox of yours is a line: when it began, its id, what was called with what,
how long it took and how it ended. The id is the one in the error that the call raised and in front
of every line that it printed: `seer logs` has those.

Large arguments are shown by size and digest, arrays and tensors by dtype and shape. What is
known of the calls goes with the sandbox; --json keeps it.

examples:
  seer calls                                  what runs, and the newest calls
  seer calls tools --failed --last 5          the last failures of an interface
  seer calls 3fa94c51 --follow                watch a sandbox; Ctrl-C ends that
  seer calls tools --function chat --json > calls.jsonl
"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "calls",
        aliases=["log"],
        help="show what was called in the running sandboxes",
        description="Show what was called in the running sandboxes of this user.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "which",
        metavar="SANDBOX_OR_INTERFACE",
        nargs="?",
        help="a sandbox's name, or the beginning of its id; or an interface's name",
    )
    parser.add_argument("--function", metavar="NAME", help="calls of this function alone")
    parser.add_argument("--failed", action="store_true", help="calls that failed alone")
    parser.add_argument(
        "--last",
        metavar="N",
        type=count,
        help=f"as many of the newest calls; {_LAST} by default, all with --json",
    )
    parser.add_argument(
        "--follow", action="store_true", help="go on with calls as they end, until Ctrl-C"
    )
    parser.add_argument("--json", action="store_true", help="print each call as a line of JSON")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> None:
    """Print on standard output.

    Raises:
        SandboxError: nothing of that name runs.
    """
    journals, interface = _find(parsed.which)
    wanted = Filter(interface=interface, function=parsed.function, failed=parsed.failed or None)
    printer = _Printer(parsed.json, len(journals) > 1)
    if not journals:
        print("no sandbox of yours runs on this machine", file=sys.stderr)
        return
    if parsed.which is None and not parsed.json:
        printer.print_sandboxes(journals)
    last = parsed.last if parsed.json or parsed.last is not None else _LAST
    records = _sorted(each.records(wanted) for each in journals)
    printer.print_calls(records if last is None else records[-last:])
    printer.print_dropped(sum(each.reader.dropped for each in journals))
    if parsed.follow:
        _follow(journals, wanted, printer)


def _find(which: str | None) -> tuple[list[_Journal], str | None]:
    """Give the journals of sandboxes, and the interface that is meant if one is."""
    journals = [_Journal(sandbox) for sandbox in running_sandboxes()]
    if which is None:
        return journals, None
    if named := [each for each in journals if each.sandbox.is_called(which)]:
        return named, None
    if serving := [each for each in journals if which in each.reader.interfaces]:
        return serving, which
    raise _nothing(which, journals)


class _Journal:
    """The journal of one sandbox."""

    def __init__(self, sandbox: SandboxRecord) -> None:
        self.sandbox = sandbox
        self._machine = running_machine(sandbox)
        self.reader = JournalReader(self._folder())
        self.reader.read()
        self._shown = {key for key, call in self.reader.calls.items() if call.entry.is_over}

    def _folder(self) -> Path:
        """Give where it is, as it is now."""
        return self._machine.journal() if self._machine is not None else self.sandbox.folder / RUN

    def records(self, wanted: Filter) -> list[CallRecord]:
        """Give those that there are."""
        calls = wanted.choose(self.reader.calls.values())
        return [call.record(self.sandbox.id, is_running=True) for call in calls]

    def ended(self, wanted: Filter) -> list[CallRecord]:
        """Give those that have ended since."""
        self._folder()
        keys = [key for key in self.reader.read() if self.reader.calls[key].entry.is_over]
        new = [key for key in keys if key not in self._shown]
        self._shown.update(new)
        calls = wanted.choose(self.reader.calls[key] for key in new)
        return [call.record(self.sandbox.id, is_running=True) for call in calls]


class _Printer:
    """Prints calls, as lines of JSON or for people."""

    def __init__(self, as_json: bool, many: bool) -> None:
        self._json = as_json
        self._many = many
        self._console = console()

    def print_sandboxes(self, journals: Sequence[_Journal]) -> None:
        """Print which there are."""
        shown = table("sandbox", "name", "since", "interfaces", "calls", "failed")
        for each in journals:
            calls = each.reader.calls.values()
            failed = sum(call.failed for call in calls)
            name, since = each.sandbox.name, f"{each.sandbox.started.astimezone():%H:%M:%S}"
            interfaces = ", ".join(each.reader.interfaces) or "none"
            cells = [each.sandbox.id, name, since, interfaces, str(len(calls)), str(failed)]
            shown.add_row(*map(Text, cells))
        self._console.print(shown)
        self._console.print()

    def print_calls(self, records: Sequence[CallRecord], is_begun: bool = False) -> None:
        """Print calls; the columns of those that follow stand below the first ones."""
        if self._json:
            for record in records:
                print(record.to_json(), flush=True)
            return
        if not records:
            if not is_begun:
                self._console.print("no calls")
            return
        first = ["sandbox"] if self._many else []
        shown = table("time", *first, "call", "took", "outcome", "function")
        shown.show_header = not is_begun
        for column, width in zip(shown.columns, _WIDTHS[-len(shown.columns) :], strict=False):
            column.min_width = width
        for record in records:
            cells = [record.sandbox[:8]] if self._many else []
            style = "red" if record.failed else ""
            shown.add_row(
                f"{record.time.astimezone():%H:%M:%S}",
                *cells,
                record.call_id,
                _duration(record.duration),
                Text(record.exception or record.outcome, style=style),
                Text(f"{record.interface}.{record.function or '?'}({record.arguments})"),
            )
        self._console.print(shown)

    def print_dropped(self, count: int) -> None:
        """Say how many calls are missing."""
        if count:
            text = f"{count} more calls came too fast to be written down"
            print(text, file=sys.stderr, flush=True)


_WIDTHS = (8, 8, 11, 8, 12, 0)


def _follow(journals: Sequence[_Journal], wanted: Filter, printer: _Printer) -> None:
    while any(each.reader.is_running for each in journals):
        time.sleep(_PERIOD)
        printer.print_calls(_sorted(each.ended(wanted) for each in journals), is_begun=True)


def _sorted(records: Iterable[Sequence[CallRecord]]) -> list[CallRecord]:
    return sorted(itertools.chain(*records), key=lambda record: record.time)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1e3:.3g} ms"


def _nothing(which: str, journals: Sequence[_Journal]) -> SandboxError:
    if not journals:
        return SandboxError(
            "no sandbox of yours runs on this machine",
            hint="what was called goes with its sandbox; scoped.calls() has it while that runs",
        )
    known = [
        f"{each.sandbox.id} ({', '.join(each.reader.interfaces) or 'nothing served'})"
        for each in journals
    ]
    return SandboxError(
        f"no running sandbox or interface is called {which!r}",
        hint=f"there are: {'; '.join(known)}",
    )
