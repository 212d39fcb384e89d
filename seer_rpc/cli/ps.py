"""`seer ps`: the sandboxes of this user."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any, NamedTuple

from rich.text import Text

from seer_rpc.backends import load_backend, modal
from seer_rpc.cli.options import Commands
from seer_rpc.cli.tables import print_table, shown_duration
from seer_rpc.errors import BackendError
from seer_rpc.journal import JournalReader
from seer_rpc.registry import SandboxRecord, all_sandboxes, is_running
from seer_rpc.sizes import show_size
from seer_runtime.wire.journal import RUN

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
    seen = [_look_at(record) for record in all_sandboxes()]
    shown = [each for each in seen if parsed.all or each.state == "running"]
    if parsed.json:
        for each in shown:
            print(json.dumps(each.to_json()))
    elif shown:
        print_table(_COLUMNS, [each.row() for each in shown])
    else:
        more = f"; {len(seen)} ended or start: seer ps --all" if seen else ""
        print(f"no sandbox of yours runs on this machine{more}", file=sys.stderr)


class _Seen(NamedTuple):
    """A sandbox as it is now."""

    record: SandboxRecord
    state: str
    memory: int | None
    interfaces: list[str]

    @property
    def age(self) -> float:
        return time.time() - self.record.started.timestamp()

    @property
    def left(self) -> float:
        return max(0.0, self.record.timeout - self.age)

    def row(self) -> list[Text]:
        record, runs = self.record, self.state == "running"
        cells = [
            record.id,
            record.name if record.name != record.id else "-",
            record.backend,
            record.isolation.get("level", "-"),
            f"{shown_duration(self.age)} ago",
            shown_duration(self.left) if runs else "-",
            show_size(self.memory) if self.memory else "-",
            "detached" if runs and record.is_detached else self.state,
            ", ".join(self.interfaces) or "-",
        ]
        return [Text(cell) for cell in cells]

    def to_json(self) -> dict[str, Any]:
        record = self.record
        return {
            "id": record.id,
            "name": record.name,
            "state": self.state,
            "backend": record.backend,
            "isolation": dict(record.isolation),
            "created": record.created,
            "age": round(self.age, 1),
            "timeout": record.timeout,
            "left": round(self.left, 1),
            "idle_timeout": record.idle_timeout,
            "is_detached": record.is_detached,
            "owner": record.owner.pid,
            "memory": self.memory,
            "interfaces": self.interfaces,
            "folder": str(record.folder),
            "config": dict(record.summary),
        }


def _look_at(record: SandboxRecord) -> _Seen:
    runs = is_running(record)
    reader = JournalReader(record.folder / RUN)
    reader.read()
    memory = None
    if runs:
        try:
            memory = load_backend(record.backend).memory(record)
        except BackendError:
            memory = None
    return _Seen(record, _state(record, runs), memory, list(reader.interfaces))


def _state(record: SandboxRecord, runs: bool) -> str:
    if runs:
        return "running" if record.endpoint else "starting"
    return "starting" if record.owner.is_alive and not record.endpoint else "ended"
