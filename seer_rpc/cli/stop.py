"""`seer stop`: ends of running sandboxes."""

from __future__ import annotations

import argparse
import sys

from seer_rpc.backends import modal
from seer_rpc.cli.options import Commands
from seer_rpc.environment import Sandbox
from seer_rpc.errors import SeerError
from seer_rpc.registry import running_sandboxes

_GRACE = 10.0

_EPILOG = """\
Nothing new begins in a sandbox that is stopped; calls and commands that run have some seconds to
end. Its files go with it unless they are kept as a snapshot.

examples:
  seer stop 3fa94c51 experiment                  by id or by name
  seer stop experiment --snapshot "after training"
  seer stop --all --grace 0                      everything, at once
  seer stop --modal 3fa94c517d20b6e8             on Modal, started by another machine
"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "stop",
        help="end running sandboxes",
        description="End running sandboxes of this user.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sandboxes", metavar="ID", nargs="*", help="ids, how they begin, or names")
    parser.add_argument("--all", action="store_true", help="every one that runs")
    parser.add_argument(
        "--modal",
        action="store_true",
        help="by whole ids, at once, those on Modal of which this machine knows nothing",
    )
    parser.add_argument(
        "--snapshot", metavar="DESCRIPTION", help="keep the files first; prints the snapshot's id"
    )
    parser.add_argument(
        "--grace",
        type=float,
        default=_GRACE,
        metavar="SECONDS",
        help=f"for calls and commands that run; {_GRACE:g} by default",
    )
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> None:
    """End them; exits with 1 where one could not be."""
    if parsed.all == bool(parsed.sandboxes):
        print("seer stop: which? Give ids or names, or --all alone", file=sys.stderr)
        sys.exit(2)
    which = [each.id for each in running_sandboxes()] if parsed.all else parsed.sandboxes
    failures = [each for each in which if not _is_stopped(each, parsed)]
    if failures:
        sys.exit(1)


def _is_stopped(which: str, parsed: argparse.Namespace) -> bool:
    try:
        if parsed.modal:
            modal.end_elsewhere(which)
            print(f"stopped {which}", file=sys.stderr)
        else:
            _stop(which, parsed.snapshot, parsed.grace)
    except SeerError as error:
        print(f"seer: {error}", file=sys.stderr)
        return False
    return True


def _stop(which: str, description: str | None, grace: float) -> None:
    sandbox = Sandbox.from_id(which)
    snapshot = sandbox.terminate(
        save_snapshot=description is not None,
        snapshot_description=description or "",
        grace=grace,
    )
    print(f"stopped {sandbox.sandbox_id} {sandbox.name}", file=sys.stderr)
    if snapshot is not None:
        print(snapshot.id)
