"""Opening what lies below a folder, wherever the links in it lead."""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""How files are opened: a pipe that nobody writes keeps nobody waiting."""

LISTED = READ | os.O_DIRECTORY
"""How folders are opened whose names are read."""

FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
"""How folders are opened in which something is made."""

_OPENAT2 = 437
_NO_MAGIC_LINKS = 0x02
_NO_LINKS = 0x04
_BENEATH = 0x08
_ATTEMPTS = 100


class _How(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


@contextmanager
def opened(descriptor: int) -> Iterator[int]:
    """Close the descriptor at the block's end."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_beneath(folder: int, path: str, flags: int, *, follows_links: bool = True) -> int:
    """Open what is below a folder. Links are followed as long as they lead to what is below it.

    Where the system cannot see to that, no link is followed.

    Raises:
        OSError: it cannot be opened; with EXDEV or ELOOP since a link leads elsewhere.
    """
    if sys.platform == "linux":
        resolve = _BENEATH | _NO_MAGIC_LINKS | (0 if follows_links else _NO_LINKS)
        descriptor = _openat2(folder, path, _How(flags, 0, resolve))
        if descriptor is not None:
            return descriptor
    return _open_without_links(folder, path, flags)


def _openat2(folder: int, path: str, how: _How) -> int | None:
    """Give a descriptor, or None where the system has no such call."""
    libc = _libc()
    name = ctypes.c_char_p(_encoded(path))
    for _ in range(_ATTEMPTS):
        descriptor: int = libc.syscall(
            _OPENAT2, folder, name, ctypes.byref(how), ctypes.sizeof(how)
        )
        if descriptor >= 0:
            return descriptor
        code = ctypes.get_errno()
        if code == errno.ENOSYS:
            return None
        # Something was renamed meanwhile.
        if code not in (errno.EAGAIN, errno.EINTR):
            break
    raise OSError(code, os.strerror(code), path)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _encoded(path: str) -> bytes:
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise OSError(errno.EINVAL, "a path cannot hold a null byte", path)
    return encoded


def _open_without_links(folder: int, path: str, flags: int) -> int:
    *parents, name = PurePosixPath(path).parts or (".",)
    if ".." in (*parents, name) or PurePosixPath(path).is_absolute():
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
    current = os.dup(folder)
    for part in parents:
        with opened(current):
            current = os.open(part, FOLDER | os.O_NOFOLLOW, dir_fd=current)
    with opened(current):
        return os.open(name, flags | os.O_NOFOLLOW, dir_fd=current)


def make_folder(parent: int, name: str) -> int:
    """Make a folder in another one, unless it is there; gives its descriptor.

    Raises:
        OSError: it cannot be made, or something else has the name.
    """
    try:
        os.mkdir(name, 0o755, dir_fd=parent)
    except FileExistsError:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name) from None
    return os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=parent)


def check_regular(descriptor: int, path: str) -> os.stat_result:
    """Give the status of a file; anything else is refused.

    Raises:
        OSError: it is a folder (EISDIR), or a device, a socket or a pipe (ENXIO).
    """
    status = os.fstat(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(status.st_mode):
        raise not_a_file(path)
    return status


def not_a_file(path: str) -> OSError:
    """Give the error of what is no regular file."""
    return OSError(errno.ENXIO, "it is a device, a socket or a pipe, not a file", path)
