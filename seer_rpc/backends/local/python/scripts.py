"""The commands of packages, made to run with the first Python on PATH."""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from seer_rpc.locations import cache_folder

_ENV = b"#!/usr/bin/env python3\n"
# The second form is pip's for paths that are long or have spaces.
_PYTHON = re.compile(
    rb"#!\s*(?P<path>[^\n]*/python[\d.]*)\s*\n"
    rb"|#!/bin/sh\n'''exec' [^\n]*/python[\d.]*[\"']? \"\$0\" \"\$@\"\n' '''\n"
)
_HEAD = 1024


def use_first_python(folder: Path) -> None:
    """Rewrite the scripts in a folder that name a Python by its path."""
    for file in folder.glob("*"):
        if (changed := _rewritten(file)) is not None:
            file.write_bytes(changed)


def movable_scripts(folders: Sequence[Path]) -> list[Path]:
    """Give a folder with copies of the scripts in each folder that name a Python by its path.

    They are made again when something has come into a folder, or left it.
    """
    return [copies for folder in folders if (copies := _copies(folder)) is not None]


def _copies(folder: Path) -> Path | None:
    try:
        key = hashlib.sha256(f"{folder}\0{folder.stat().st_mtime_ns}".encode()).hexdigest()[:16]
    except OSError:
        return None
    target = cache_folder() / "scripts" / key
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = target.with_name(f"{key}.{secrets.token_hex(4)}")
        scratch.mkdir()
        for file in folder.iterdir():
            if (changed := _rewritten(file)) is not None and not file.name.startswith("pip"):
                (scratch / file.name).write_bytes(changed)
                (scratch / file.name).chmod(0o755)
        try:
            scratch.rename(target)
        except OSError:
            # Somebody else was faster.
            shutil.rmtree(scratch, ignore_errors=True)
    return target


def _rewritten(file: Path) -> bytes | None:
    try:
        if file.is_symlink() or not file.is_file():
            return None
        with file.open("rb") as stream:
            head = stream.read(_HEAD)
            if not (match := _PYTHON.match(head)):
                return None
            return _ENV + head[match.end() :] + stream.read()
    except OSError:
        return None
