"""Stands for the program that `Sandbox.filesystem` runs in a sandbox: one command, as JSON."""

from __future__ import annotations

import errno
import grp
import json
import os
import pwd
import shutil
import stat
import sys
from collections.abc import Callable
from typing import Any

_CHUNK = 1 << 20

_KINDS = {
    errno.ENOENT: "NotFound",
    errno.ENOTDIR: "NotDirectory",
    errno.EISDIR: "IsDirectory",
    errno.EACCES: "PermissionDenied",
    errno.EPERM: "PermissionDenied",
    errno.EROFS: "PermissionDenied",
    errno.EEXIST: "PathAlreadyExists",
    errno.ENOTEMPTY: "DirectoryNotEmpty",
}


def _write(path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file, _CHUNK)


def _read(path: str) -> None:
    with open(path, "rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer, _CHUNK)


def _list(path: str) -> None:
    _say([_info(os.path.join(path, name)) for name in sorted(os.listdir(path))])


def _stat(path: str) -> None:
    _say(_info(path))


def _make(path: str, parents: bool) -> None:
    if parents:
        os.makedirs(path, exist_ok=True)
    else:
        os.mkdir(path)


def _remove(path: str, recursive: bool) -> None:
    if not os.path.isdir(path) or os.path.islink(path):
        os.remove(path)
    elif recursive:
        shutil.rmtree(path)
    else:
        os.rmdir(path)


def _info(path: str) -> dict[str, Any]:
    status = os.lstat(path)
    is_link, is_folder = stat.S_ISLNK(status.st_mode), stat.S_ISDIR(status.st_mode)
    return {
        "name": os.path.basename(path),
        "path": path,
        "type": "symlink" if is_link else "directory" if is_folder else "file",
        "size": status.st_size,
        "mode": stat.S_IMODE(status.st_mode),
        "permissions": stat.filemode(status.st_mode)[1:],
        "owner": _name(lambda: pwd.getpwuid(status.st_uid).pw_name, status.st_uid),
        "group": _name(lambda: grp.getgrgid(status.st_gid).gr_name, status.st_gid),
        "modified_time": status.st_mtime,
        "symlink_target": os.readlink(path) if is_link else None,
    }


def _name(find: Callable[[], str], number: int) -> str:
    try:
        return find()
    except KeyError:
        return str(number)


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value))


_COMMANDS: dict[str, Callable[..., None]] = {
    "WriteFile": _write,
    "ReadFile": _read,
    "ListFiles": _list,
    "Stat": _stat,
    "MakeDirectory": _make,
    "Remove": _remove,
}


def main(command: str) -> int:
    """Obey; gives the exit status."""
    ((name, arguments),) = json.loads(command).items()
    try:
        _COMMANDS[name](**arguments)
    except OSError as error:
        kind = _KINDS.get(error.errno or 0, "Other")
        text = {"error_kind": kind, "message": error.strerror, "detail": str(error)}
        sys.stderr.write(json.dumps(text))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
