"""What the process that reads a file may not do, whatever an expression that got through asks."""

from __future__ import annotations

import os
import sys
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_READS = frozenset({"os.listdir", "os.scandir", "os.walk", "os.fwalk"})
_REFUSED = frozenset(
    {
        *("_posixsubprocess", "ctypes", "fcntl", "ftplib", "http", "mmap", "os", "pty", "shutil"),
        *("signal", "smtplib", "socket", "sqlite3", "subprocess", "syslog", "tempfile", "urllib"),
    }
)


def confine() -> None:
    """Let this process read files and compute, and nothing else from now on."""
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        refused = bool(arguments[2] & _WRITES)
    else:
        refused = event.partition(".")[0] in _REFUSED and event not in _READS
    if refused:
        raise PermissionError(f"reading a file's source does not do that: {event}")
