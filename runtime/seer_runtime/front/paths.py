"""The sandbox's paths: real where it has a file system of its own, else mapped into folders."""

from __future__ import annotations

import errno
import os
import posixpath
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from seer_runtime.wire.beneath import FOLDER, READ, make_folder, open_beneath, opened

WORKSPACE = "/workspace"
"""Where relative paths begin."""


class _Root(NamedTuple):
    path: PurePosixPath
    """As the sandbox names it."""

    real: str
    descriptor: int


class OutsideError(OSError):
    """A path that is in none of the mapped folders."""


class Paths:
    """Opens what the sandbox's paths lead to.

    What is mapped is confined to the folders of the mapping: no link leads out of them.
    """

    def __init__(self, folders: Mapping[str, str]) -> None:
        """Map each path to a folder; without any, paths are as they stand."""
        self._is_mapped = bool(folders)
        self._roots = [
            _Root(PurePosixPath(path), real, os.open(real, FOLDER))
            for path, real in (folders or {"/": "/"}).items()
        ]

    def real(self, path: str) -> str:
        """Give the path of a folder under which processes find it: any folder that they may enter.

        Raises:
            OSError: there is no such folder.
        """
        try:
            root, rest = self._locate(path)
        except OutsideError:
            os.close(os.open(path, FOLDER))
            return path
        os.close(self.open(path, FOLDER))
        return os.path.join(root.real, rest)

    def open(self, path: str, flags: int = READ) -> int:
        """Open what is there.

        Raises:
            OSError: it cannot be opened; with EXDEV where it is outside of the mapped folders.
        """
        root, rest = self._locate(path)
        if self._is_mapped:
            return open_beneath(root.descriptor, rest, flags)
        return os.open(PurePosixPath(WORKSPACE, path), flags)

    def folder(self, path: str) -> int:
        """Open a folder to make something in it; it and those above it are made where need be.

        Raises:
            OSError: it cannot be made, or is none.
        """
        missing: list[str] = []
        while True:
            try:
                folder = self.open(path, FOLDER)
                break
            except FileNotFoundError:
                path, name = posixpath.split(path.rstrip("/"))
                if not name:
                    raise
                missing.append(name)
        for name in reversed(missing):
            with opened(folder):
                folder = make_folder(folder, name)
        return folder

    def is_root(self, path: str) -> bool:
        """Tell whether it is one of the folders that the sandbox has from the start."""
        whole = PurePosixPath(WORKSPACE, path)
        return str(whole) in ("/", WORKSPACE) or any(whole == root.path for root in self._roots)

    def _locate(self, path: str) -> tuple[_Root, str]:
        _check(path)
        whole = PurePosixPath(WORKSPACE, path)
        for root in self._roots:
            if whole.is_relative_to(root.path):
                return root, str(whole.relative_to(root.path))
        raise OutsideError(errno.EXDEV, "it is outside of the sandbox's folders")


def split(path: str) -> tuple[str, str]:
    """Give the folder that a path is in, and its name there.

    Raises:
        OSError: it cannot be a path.
    """
    _check(path)
    folder, name = posixpath.split(str(PurePosixPath(WORKSPACE, path)))
    return folder, name


def _check(path: str) -> None:
    if "\0" in path:
        raise OSError(errno.EINVAL, "a path cannot hold a null byte")
