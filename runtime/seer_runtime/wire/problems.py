"""What goes wrong with a path, as the other end is told."""

from __future__ import annotations

import errno
import os

from seer_runtime.wire.pb.runtime_pb2 import Problem

PROBLEM = "problem-bin"
"""The key in the trailing metadata."""

_MAX_PATH = 4096

_LINKS = (errno.EXDEV, errno.ELOOP)

_KINDS = {
    errno.ENOENT: Problem.NOT_FOUND,
    errno.EISDIR: Problem.IS_FOLDER,
    errno.ENOTDIR: Problem.NOT_A_FOLDER,
    errno.EACCES: Problem.NO_PERMISSION,
    errno.EPERM: Problem.NO_PERMISSION,
    errno.EROFS: Problem.NO_PERMISSION,
    errno.EXDEV: Problem.OUTSIDE,
    errno.ELOOP: Problem.OUTSIDE,
    errno.ENXIO: Problem.NOT_A_FILE,
}


NUMBERS = {kind: number for number, kind in reversed(_KINDS.items())}
"""The system's error number of each kind that has one."""


def to_problem(error: OSError, path: str) -> Problem:
    """Say of the path that was asked for what the system said, perhaps of something in it."""
    message = error.strerror or str(error)
    if error.errno in _LINKS and message == os.strerror(error.errno):
        message = "a link leads out of the sandbox's folders, or nowhere"
    inner = error.filename
    if isinstance(inner, str) and inner not in (".", "") and not f"/{path}".endswith(inner):
        message = f"{inner}: {message}"
    return Problem(
        kind=_KINDS.get(error.errno or 0, Problem.OTHER),
        path=os.fsencode(path)[:_MAX_PATH],
        message=message.encode(errors="replace").decode(),
    )
