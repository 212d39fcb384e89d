"""Removing what a sandbox left: nested as deep as can be, in folders that may not be entered.

The standard library goes down by recursion and stops at what is closed. This is stdlib only: the
warden runs it, too.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DEEPEST = 100
"""Folders that are open at once."""


class _Level(NamedTuple):
    descriptor: int
    name: str
    waiting: list[str]


def remove_tree(folder: str) -> None:
    """Remove a folder and all that is in it, as far as this user may; follow no link."""
    # Nothing in there can be called so by chance, nor by design.
    names = (f".removed-{os.urandom(8).hex()}-{number}" for number in itertools.count())
    levels: list[_Level] = []
    try:
        _go_into(folder, levels)
        while levels:
            if levels[-1].waiting:
                # What cannot be removed stays, with the folders that it is in.
                with contextlib.suppress(OSError):
                    _remove(levels[-1].waiting.pop(), levels, names)
            else:
                _leave(levels)
    except OSError:
        return
    finally:
        for level in levels:
            os.close(level.descriptor)


def _remove(name: str, levels: list[_Level], names: Iterator[str]) -> None:
    """Remove a file, or go into a folder; what is too deep is moved up, for later."""
    folder = levels[-1].descriptor
    if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=folder)
    elif len(levels) < _DEEPEST:
        _go_into(name, levels)
    else:
        _make_open(name, folder)
        moved = next(names)
        os.rename(name, moved, src_dir_fd=folder, dst_dir_fd=levels[0].descriptor)
        levels[0].waiting.append(moved)


def _go_into(name: str, levels: list[_Level]) -> None:
    above = levels[-1].descriptor if levels else None
    _make_open(name, above)
    descriptor = os.open(name, _FOLDER, dir_fd=above)
    level = _Level(descriptor, name, [])
    levels.append(level)
    # In its own order: disks are slow in any other.
    level.waiting.extend(reversed(os.listdir(descriptor)))


def _leave(levels: list[_Level]) -> None:
    level = levels.pop()
    os.close(level.descriptor)
    with contextlib.suppress(OSError):
        os.rmdir(level.name, dir_fd=levels[-1].descriptor if levels else None)


def _make_open(name: str, folder: int | None) -> None:
    """Make a folder one that its owner may enter and write to."""
    if not hasattr(os, "O_PATH"):
        return
    # By its descriptor: whatever the name stands for meanwhile.
    place = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        if os.fstat(place).st_mode & stat.S_IRWXU != stat.S_IRWXU:
            with contextlib.suppress(OSError):
                os.chmod(f"/proc/self/fd/{place}", stat.S_IRWXU)
    finally:
        os.close(place)
