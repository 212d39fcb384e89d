"""`seer snapshots`: the kept files of sandboxes."""

from __future__ import annotations

import argparse
import sys

from rich.text import Text

from seer_rpc.cli.options import Commands
from seer_rpc.cli.tables import print_table, shown_time
from seer_rpc.environment.records import remove_snapshot
from seer_rpc.sizes import show_size
from seer_rpc.snapshots import Snapshot, list_snapshots

_UNKNOWN = "?"
_EPILOG = """\
A snapshot has the files in a sandbox's /root and /workspace, packages that were installed there
included: no models, no environment variables, no secrets, no processes. It stays until it is
removed; what two snapshots have in common takes room once.

One of a sandbox on Modal has all of its files, and Modal keeps it; how large it is is not known
here. To remove it deletes it there.

    snapshot = sandbox.snapshot("after training")        # or seer stop ID --snapshot "..."
    sandbox = Sandbox.from_snapshot("snap-3fa94c51d2e0")

examples:
  seer snapshots                              list them, the newest last
  seer snapshots --json                       each as a line of JSON
  seer snapshots remove snap-3fa94c51d2e0     its whole id, or how it begins
"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "snapshots",
        help="list and remove the kept files of sandboxes",
        description="List the snapshots of sandboxes, or remove some.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print each as a line of JSON")
    parser.set_defaults(run=_list)
    subcommands = parser.add_subparsers(metavar="COMMAND")
    listing = subcommands.add_parser("list", help="list them (what happens without a command)")
    listing.add_argument(
        "--json",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print each as a line of JSON",
    )
    removal = subcommands.add_parser("remove", help="remove snapshots, and what they alone have")
    removal.add_argument("ids", metavar="ID", nargs="+", help="an id, or how it begins")
    removal.set_defaults(run=_remove)


def _list(parsed: argparse.Namespace) -> None:
    snapshots = list_snapshots()
    if parsed.json:
        for snapshot in snapshots:
            print(snapshot.to_json())
    elif snapshots:
        columns = ("id", "taken", "sandbox", "files", "size", "description")
        print_table(columns, map(_row, snapshots))
    else:
        print("no snapshots; sandbox.snapshot() takes one", file=sys.stderr)


def _row(snapshot: Snapshot) -> list[Text]:
    cells = [
        snapshot.id,
        shown_time(snapshot.created),
        snapshot.sandbox_name,
        _UNKNOWN if snapshot.files is None else str(snapshot.files),
        _UNKNOWN if snapshot.size is None else show_size(snapshot.size),
        snapshot.description,
    ]
    return [Text(cell) for cell in cells]


def _remove(parsed: argparse.Namespace) -> None:
    for which in parsed.ids:
        removed = remove_snapshot(which)
        print(f"removed {removed.id}", file=sys.stderr)
