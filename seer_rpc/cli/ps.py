"""`seer ps`: the sandboxes of this user."""

from __future__ import annotations

import argparse
import json
import sys

from rich.text import Text

from seer_rpc.backends import modal
from seer_rpc.cli.options import Commands
from seer_rpc.cli.tables import print_table, shown_duration
from seer_rpc.environment.sightings import SeenSandbox, look_at
from seer_rpc.registry import all_sandboxes
from seer_rpc.sizes import show_size

_EPILOG = """\
A sandbox runs until its script ends it or ends itself; one with SandboxConfig(detach=True) runs on
until its timeout, until nobody uses it for its idle_timeout, or until `seer stop`.

examples:
  seer ps                      what runs
  seer ps --all                what has ended and was not removed, too; `seer gc` removes it
  seer ps --json | jq -r .id   each as a line of JSON
  seer ps --modal              ids of what runs on Modal and was started by another machine

In Python, Sandbox.from_id("3fa94c51") gives a sandbox that runs, by its id or its name.
"""

_COLUMNS = ("id", "name", "backend", "isolation", "started", "left", "memory", "state", "serves")


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "ps",
        help="list the sandboxes that run",
        description="List the running sandboxes of this user.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--all", action="store_true", help="those that start or have ended, too, and their state"
    )
    parser.add_argument("--json", action="store_true", help="print each as a line of JSON")
    parser.add_argument(
        "--modal",
        action="store_true",
        help="ask Modal instead: the ids of sandboxes with GPUs, and maybe of others, of which "
        "this machine knows nothing; `seer stop --modal` ends them",
    )
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> None:
    """Print on standard output."""
    if parsed.modal:
        known = {record.id for record in all_sandboxes()}
        for sandbox_id in modal.tagged():
            if sandbox_id not in known:
                print(json.dumps({"id": sandbox_id}) if parsed.json else sandbox_id)
        return
    seen = [look_at(record) for record in all_sandboxes()]
    shown = [each for each in seen if parsed.all or each.state == "running"]
    if parsed.json:
        for each in shown:
            print(json.dumps(each.to_json()))
    elif shown:
        print_table(_COLUMNS, map(_row, shown))
    else:
        more = f"; {len(seen)} ended or start: seer ps --all" if seen else ""
        print(f"no sandbox of yours runs on this machine{more}", file=sys.stderr)


def _row(seen: SeenSandbox) -> list[Text]:
    record, runs = seen.record, seen.state == "running"
    cells = [
        record.id,
        record.name if record.name != record.id else "-",
        record.backend,
        record.isolation.get("level", "-"),
        f"{shown_duration(seen.age)} ago",
        shown_duration(seen.left) if runs else "-",
        show_size(seen.memory) if seen.memory else "-",
        "detached" if runs and record.is_detached else seen.state,
        ", ".join(seen.interfaces) or "-",
    ]
    return [Text(cell) for cell in cells]
