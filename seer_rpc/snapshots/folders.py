"""Folders by their descriptors, so that no link on the way is followed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from contextlib import ExitStack

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def open_folder(root: int, parts: Sequence[str]) -> int:
    """Open a folder below the one that is open as `root`.

    Raises:
        OSError: it is not there, or something on the way to it is no folder.
    """
    with ExitStack() as passed:
        folder = os.dup(root)
        for part in parts:
            passed.callback(os.close, folder)
            folder = os.open(part, FOLDER, dir_fd=folder)
        return folder


def open_file(folder: int, name: str) -> int:
    """Open a file to be read.

    Raises:
        OSError: it is not there, or no regular file: whatever it was a moment ago.
    """
    descriptor = os.open(name, _FILE, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.ENXIO, "no regular file any more")
    return descriptor
