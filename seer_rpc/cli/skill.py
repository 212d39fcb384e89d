"""`seer skill`: the skill that teaches agents to use this library."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from seer_rpc.cli.options import Commands
from seer_rpc.errors import ConfigError
from seer_rpc.workspace.front_matter import TEXT
from seer_rpc.workspace.own_skill import Installed, install_own_skill, own_skill_folder

_EPILOG = """\
An agent that finds skills in .claude/skills (https://agentskills.io) learns from it how to write
set-up scripts and interfaces, to run experiments in notebook sessions, and what to do when
something fails. It reads SKILL.md when a task needs it, and of the references what it needs.

examples:
  seer skill install                  into .claude/skills/seer of this folder
  seer skill install --dir ~/project
  seer skill install --user           for all projects of yours
  seer skill show                     read it
  seer skill show references/interfaces.md
"""
_INSTALL_EPILOG = """\
To install it again is safe: an older version is replaced, files that you have put beside it stay.
What this command did not write, or what you have changed since, is named and left alone without
--force.
"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "skill",
        help="teach agents to use this library",
        description="The agent skill of this library.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subcommands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_install(subcommands)
    _add_show(subcommands)
    path = subcommands.add_parser(
        "path",
        help="print where it is",
        description="Print the skill's folder, for Skill.from_directory or another agent.",
    )
    path.set_defaults(run=lambda parsed: print(own_skill_folder()))


def _add_install(commands: Commands) -> None:
    parser = commands.add_parser(
        "install",
        help="put it where agents find it",
        description="Put the skill into .claude/skills/seer of a folder.",
        epilog=_INSTALL_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--dir",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="the project's folder: this one without that",
    )
    where.add_argument("--user", action="store_true", help="your home, for all projects")
    parser.add_argument("--force", action="store_true", help="write over files that are in the way")
    parser.set_defaults(run=_install)


def _add_show(commands: Commands) -> None:
    parser = commands.add_parser(
        "show", help="print it", description="Print a file of the skill on standard output."
    )
    parser.add_argument(
        "file", metavar="FILE", nargs="?", default=TEXT, help=f"{TEXT} without that"
    )
    parser.set_defaults(run=_show)


def _install(parsed: argparse.Namespace) -> None:
    base = Path.home() if parsed.user else parsed.dir.expanduser()
    if not base.is_dir():
        raise ConfigError(f"there is no folder {base}", hint="make it, or give another --dir")
    print(f"seer: {_told(install_own_skill(base, force=parsed.force))}", file=sys.stderr)


def _told(installed: Installed) -> str:
    where, number = installed.folder.absolute(), installed.version
    if not installed.changed:
        return f"the skill in {where} is up to date ({number})"
    if not installed.before:
        return f"installed the skill in {where} ({number})"
    names = ", ".join(installed.changed)
    if installed.before == number:
        return f"wrote files of the skill in {where} anew ({number}): {names}"
    return f"brought the skill in {where} from {installed.before} to {number}: {names}"


def _show(parsed: argparse.Namespace) -> None:
    folder = own_skill_folder()
    known = sorted(str(file.relative_to(folder)) for file in folder.rglob("*.md"))
    if parsed.file not in known:
        raise ConfigError(
            f"the skill has no file {parsed.file!r}", hint=f"it has: {', '.join(known)}"
        )
    sys.stdout.write((folder / parsed.file).read_text(encoding="utf-8"))
