"""Copies of folders, and what is different between two states of one."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

Stamps: TypeAlias = dict[str, tuple[int, ...]]
"""What tells whether something changed, by relative path."""


def copy_tree(source: Path, target: Path, *, link: bool = False) -> None:
    """Copy what is in a folder over another one; `link` shares files that nobody will write to.

    Programs may be at work in the source: what vanishes meanwhile is left out, as sockets are.
    """
    target.mkdir(parents=True, exist_ok=True)
    for path in walk(source):
        with contextlib.suppress(FileNotFoundError):
            copy_entry(source / path, target / path, link=link)


def copy_entry(source: Path, target: Path, *, link: bool = False) -> None:
    """Copy a file, a symbolic link or an empty folder; what was there is replaced."""
    mode = source.lstat().st_mode
    target.parent.mkdir(parents=True, exist_ok=True)
    if stat.S_ISDIR(mode):
        if target.is_symlink() or target.is_file():
            target.unlink()
        target.mkdir(exist_ok=True)
        target.chmod(stat.S_IMODE(mode))
    elif stat.S_ISREG(mode) or stat.S_ISLNK(mode):
        remove(target)
        if link and stat.S_ISREG(mode):
            target.hardlink_to(source)
        else:
            shutil.copy2(source, target, follow_symlinks=False)


def remove(path: Path) -> None:
    """Remove whatever is there, if anything."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def clear(folder: Path) -> None:
    """Remove what is in a folder."""
    for path in folder.iterdir():
        remove(path)


def walk(folder: Path) -> Iterator[str]:
    """Give the relative paths of all that is in a folder, parents first."""
    for parent, folders, files in os.walk(folder):
        for name in sorted(folders) + sorted(files):
            yield os.path.relpath(os.path.join(parent, name), folder)


def stamps(folder: Path) -> Stamps:
    """Note the state of all that is in a folder."""
    found: Stamps = {}
    for path in walk(folder):
        with contextlib.suppress(FileNotFoundError):
            found[path] = _stamp((folder / path).lstat())
    return found


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    if stat.S_ISDIR(status.st_mode):
        return (status.st_mode,)
    return (status.st_mode, status.st_ino, status.st_mtime_ns, status.st_size)
