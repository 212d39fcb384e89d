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

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(folder: str) -> None:
    """Remove a folder and all that is in it, as far as this user may; follow no link."""
    with contextlib.suppress(OSError):
        root = _open(folder, None)
        try:
            _empty(root)
        finally:
            os.close(root)
        os.rmdir(folder)


def _empty(root: int) -> None:
    """Remove what is in a folder. What lies deeper is moved up first: so nothing is ever deep."""
    names = (f".removed-{number}" for number in itertools.count())
    stuck: set[str] = set()
    while found := [name for name in os.listdir(root) if name not in stuck]:
        for name in found:
            try:
                if _is_folder(name, root):
                    _flatten(name, root, names)
                else:
                    os.unlink(name, dir_fd=root)
            except OSError:
                stuck.add(name)


def _flatten(name: str, root: int, names: Iterator[str]) -> None:
    folder = _open(name, root)
    try:
        for inner in os.listdir(folder):
            if _is_folder(inner, folder):
                # To be moved, a folder itself must be open to writing.
                os.close(_open(inner, folder))
                os.rename(inner, _unused(names, root), src_dir_fd=folder, dst_dir_fd=root)
            else:
                os.unlink(inner, dir_fd=folder)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=root)


def _unused(names: Iterator[str], root: int) -> str:
    return next(name for name in names if not _exists(name, root))


def _exists(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _is_folder(name: str, folder: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


def _open(name: str, folder: int | None) -> int:
    """Open a folder; one of this user's that is closed is made open."""
    with contextlib.suppress(OSError):
        _make_open(name, folder)
    return os.open(name, _FOLDER, dir_fd=folder)


def _make_open(name: str, folder: int | None) -> None:
    if not hasattr(os, "O_PATH"):
        return
    # By its descriptor: whatever the name stands for meanwhile.
    place = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        if os.fstat(place).st_mode & stat.S_IRWXU != stat.S_IRWXU:
            os.chmod(f"/proc/self/fd/{place}", stat.S_IRWXU)
    finally:
        os.close(place)
