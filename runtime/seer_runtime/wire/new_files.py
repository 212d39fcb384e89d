"""Files that are written beside their place and then take it, whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat

from seer_runtime.wire.beneath import not_a_file

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE = 0o644


class NewFile:
    """A file that is being written in a folder, whose descriptor stays open meanwhile."""

    def __init__(self, folder: int, name: str) -> None:
        """Begin.

        Raises:
            OSError: a file cannot take this place.
        """
        self._mode = _replaceable(folder, name)
        self._folder = folder
        self._name = name
        self._scratch = f".seer-{secrets.token_hex(8)}"
        self._descriptor = os.open(self._scratch, _NEW, 0o600, dir_fd=folder)

    def write(self, data: bytes) -> None:
        """Write what comes next."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def commit(self, mode: int | None = None, modified: int | None = None) -> None:
        """Have it take its place.

        Without a mode it gets that of the file that it replaces. `modified` is in nanoseconds
        since 1970.
        """
        try:
            os.fchmod(self._descriptor, self._mode if mode is None else mode & 0o777)
            if modified is not None:
                os.utime(self._descriptor, ns=(modified, modified))
            os.close(self._take_descriptor())
            os.rename(self._scratch, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Forget it."""
        if self._descriptor >= 0:
            os.close(self._take_descriptor())
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._scratch, dir_fd=self._folder)

    def _take_descriptor(self) -> int:
        descriptor, self._descriptor = self._descriptor, -1
        return descriptor


def place_link(folder: int, name: str, target: str) -> None:
    """Make a link, in the place of a file or another link.

    Raises:
        OSError: it cannot be made.
    """
    _replaceable(folder, name)
    scratch = f".seer-{secrets.token_hex(8)}"
    os.symlink(target, scratch, dir_fd=folder)
    try:
        os.rename(scratch, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(scratch, dir_fd=folder)
        raise


def _replaceable(folder: int, name: str) -> int:
    """Give the mode of what is there now, or that of a new file.

    A file that may not be written could be replaced all the same; that is not what its mode says.
    """
    if name in ("", ".", ".."):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return _MODE
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
    if stat.S_ISLNK(status.st_mode):
        return _MODE
    if not stat.S_ISREG(status.st_mode):
        raise not_a_file(name)
    if not os.access(name, os.W_OK, dir_fd=folder, effective_ids=True):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
    return stat.S_IMODE(status.st_mode)
