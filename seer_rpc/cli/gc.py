"""`seer gc`: what is left on this machine and needed no more."""

from __future__ import annotations

import argparse
import sys

from seer_rpc.cli.options import Commands
from seer_rpc.environment.garbage import collect
from seer_rpc.sizes import show_size

_EPILOG = """\
Removes what is left of sandboxes whose script died, contents that no snapshot has, and cached
packages, converted models, results and jobs that were not used for 30 days. Sandboxes that run, and
snapshots, are not touched. Each start of a sandbox removes dead ones by itself.

examples:
  seer gc --dry-run     say what would go
  seer gc
"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "gc",
        help="remove what dead sandboxes left, and old caches",
        description="Remove what is left on this machine and needed no more.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dry-run", action="store_true", help="say what there is, no more")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> None:
    """Print what went on standard output."""
    collected = collect(dry_run=parsed.dry_run)
    verb = "would remove" if parsed.dry_run else "removed"
    lines = [f"{verb} sandbox {each}" for each in collected.sandboxes]
    if collected.contents is None:
        print("a snapshot is being taken: contents were left alone", file=sys.stderr)
    elif collected.contents.files:
        files, size = collected.contents
        lines.append(f"{verb} {files} contents that no snapshot has, {show_size(size)}")
    lines += [f"{verb} {each}" for each in collected.old]
    print("\n".join(lines) or "nothing to remove")
