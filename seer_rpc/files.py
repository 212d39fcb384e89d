"""Files of this machine: written whole or not at all, locked, and gone when nobody needs them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

_KEPT = 7 * 24 * 3600.0
"""Seconds for which files and folders stay that nothing writes to."""


@contextlib.contextmanager
def whole_file(file: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Open what replaces `file` at the block's end, unless the block raises.

    Nobody reads half of it, and nobody whom `mode` does not let.
    """
    # Other threads may be writing the same file.
    scratch = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
        scratch.replace(file)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def write_whole(file: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all, never readable by more than `mode` says."""
    with whole_file(file, mode) as stream:
        stream.write(content)


def own_key(file: Path) -> bytes:
    """Give random bytes of this user's own: those that are in a file from the first time on."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with locked(file.with_name(f"{file.name}.lock")):
        if not file.exists():
            write_whole(file, secrets.token_bytes(32))
        return file.read_bytes()


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Be the only one in the block, among all processes; others wait."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def looked_from(path: Path) -> str:
    """Say in a hint where a path begins that is not there; nothing where it says so itself."""
    return "" if path.is_absolute() else f"relative paths begin at {Path.cwd()}"


def remove_old(folder: Path, is_needed: Callable[[Path], bool] = lambda _: False) -> None:
    """Remove what nothing wrote to for a week from a folder, if there is one.

    Others may do the same just now. What cannot be removed stays.
    """
    with contextlib.suppress(OSError):
        for each in folder.iterdir():
            with contextlib.suppress(OSError):
                if time.time() - each.lstat().st_mtime > _KEPT and not is_needed(each):
                    _remove(each)


def _remove(file: Path) -> None:
    if file.is_dir() and not file.is_symlink():
        shutil.rmtree(file)
    else:
        file.unlink()
