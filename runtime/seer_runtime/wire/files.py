"""Files that somebody else may have put there."""

from __future__ import annotations

import os
import socket
import stat
import sys
from pathlib import Path
from typing import BinaryIO


def open_plain(path: str | Path) -> BinaryIO:
    """Open a file for reading, where it is one: no link, no pipe, no device.

    Raises:
        OSError: it is not, or cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no plain file")
    return os.fdopen(descriptor, "rb")


def pin_socket(path: str) -> int:
    """Open what is at a path, where it is a socket's file: a link there could lead anywhere.

    Raises:
        OSError: it is not, or there is nothing.
    """
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no socket")
    return descriptor


def pinned(descriptor: int) -> str:
    """Give a path that leads to what is open, whatever becomes of its name."""
    return f"/proc/self/fd/{descriptor}"


def connect_plain(connecting: socket.socket, path: str) -> None:
    """Connect to the socket whose file is at a path, where that is one.

    Raises:
        OSError: it is not, or nobody listens there.
    """
    if sys.platform != "linux":
        connecting.connect(path)
        return
    descriptor = pin_socket(path)
    try:
        connecting.connect(pinned(descriptor))
    finally:
        os.close(descriptor)
