"""Where parcels are installed: a folder of this machine, or one of a sandbox."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from seer_rpc.files import whole_file, write_whole
from seer_rpc.workspace.contents import Content, mode_of

Kind: TypeAlias = Literal["file", "folder", "other"]
"""What a path is; a link is something else."""


class Place(Protocol):
    """A folder. Paths are relative to it; no method is given one with a link on its way."""

    def shown(self, path: Path) -> str:
        """Give a path as people know it."""

    def kinds(self, folder: Path) -> Mapping[str, Kind]:
        """Say what is in a folder, by name: nothing where there is no such folder."""

    def read(self, file: Path) -> bytes:
        """Give what a file holds."""

    def make_private(self, folder: Path) -> None:
        """Make a folder, unless it is there, that only its owner may enter."""

    def write(self, files: Mapping[Path, Content], mode: int | None = None) -> None:
        """Write files, each whole, and the folders that they are in.

        Those without a mode get one that suits their content.
        """

    def remove(self, path: Path) -> None:
        """Remove a file, or an empty folder."""


class Folder:
    """A folder of this machine."""

    def __init__(self, path: Path) -> None:
        """Install below it."""
        self._path = path

    def shown(self, path: Path) -> str:
        """Give a path as people know it."""
        return str(self._path / path)

    def kinds(self, folder: Path) -> Mapping[str, Kind]:
        """Say what is in a folder, by name."""
        try:
            with os.scandir(self._path / folder) as entries:
                return {each.name: _kind(each) for each in entries}
        except FileNotFoundError:
            return {}

    def read(self, file: Path) -> bytes:
        """Give what a file holds."""
        return (self._path / file).read_bytes()

    def make_private(self, folder: Path) -> None:
        """Make a folder that only its owner may enter."""
        (self._path / folder).mkdir(parents=True, exist_ok=True)
        (self._path / folder).chmod(0o700)

    def write(self, files: Mapping[Path, Content], mode: int | None = None) -> None:
        """Write files."""
        for path, content in files.items():
            file = self._path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                _copy(content, file)
            else:
                write_whole(file, content, mode_of(content) if mode is None else mode)

    def remove(self, path: Path) -> None:
        """Remove a file, or an empty folder."""
        each = self._path / path
        if each.is_dir() and not each.is_symlink():
            each.rmdir()
        else:
            each.unlink()


def _copy(source: Path, target: Path) -> None:
    """Copy a file of any size, unless the copy is there."""
    status = source.stat()
    if target.exists():
        there = target.stat()
        if (there.st_size, there.st_mtime_ns) == (status.st_size, status.st_mtime_ns):
            return
    with source.open("rb") as reading, whole_file(target, mode_of(source)) as writing:
        shutil.copyfileobj(reading, writing)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _kind(entry: os.DirEntry[str]) -> Kind:
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if entry.is_file(follow_symlinks=False) else "other"
