"""What a folder holds, on its way: packed on one side, unpacked on the other.

Neither side trusts the other. Nothing is followed and nothing is written but below the folder.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from seer_runtime.wire.beneath import (
    FOLDER,
    LISTED,
    READ,
    check_regular,
    make_folder,
    not_a_file,
    open_beneath,
    opened,
)
from seer_runtime.wire.new_files import NewFile, place_link
from seer_runtime.wire.pb.runtime_pb2 import Entry, Parcel

PIECE = 1 << 20
"""Bytes of a file that go in one entry."""

_ENTRIES = 512
_ENTRY_BYTES = 128
"""What an entry costs beside its content, about."""


class Found(NamedTuple):
    """Something below a folder."""

    path: str
    """From that folder."""

    status: os.stat_result
    name: str
    folder: int
    """The folder that it is in, open until the next one is asked for."""

    @property
    def entry(self) -> Entry:
        """Give it without its content."""
        return Entry(
            path=os.fsencode(self.path),
            kind=_kind(self.status.st_mode),
            mode=stat.S_IMODE(self.status.st_mode),
            modified=self.status.st_mtime_ns,
            size=self.status.st_size,
        )


def walk(root: int, *, is_recursive: bool = True) -> Iterator[Found]:
    """Go through what is below a folder, each folder before what is in it.

    Raises:
        OSError: a folder cannot be read.
    """
    pending = [""]
    while pending:
        path = pending.pop()
        try:
            folder = open_beneath(root, path or ".", LISTED, follows_links=False)
        except FileNotFoundError:
            # It was removed meanwhile.
            continue
        with opened(folder):
            for found in _names(folder, path):
                yield found
                if is_recursive and stat.S_ISDIR(found.status.st_mode):
                    pending.append(found.path)


def _names(folder: int, path: str) -> Iterator[Found]:
    for name in sorted(os.listdir(folder)):
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            continue
        yield Found(os.path.join(path, name), status, name, folder)


def pack(root: int) -> Iterator[Entry]:
    """Give what is below a folder, with its content.

    Raises:
        OSError: something cannot be read or is no file, or a link leads out of the folder (EXDEV).
    """
    for found in walk(root):
        entry = found.entry
        match entry.kind:
            case Entry.FILE:
                with opened(os.open(found.name, READ | os.O_NOFOLLOW, dir_fd=found.folder)) as file:
                    yield from pack_file(file, found.path)
            case Entry.LINK:
                target = os.readlink(found.name, dir_fd=found.folder)
                _check_link(found.path, target)
                entry.content = os.fsencode(target)
                yield entry
            case Entry.FOLDER:
                yield entry
            case _:
                raise not_a_file(found.path)


def pack_file(file: int, path: str) -> Iterator[Entry]:
    """Give an open file, in pieces.

    Raises:
        OSError: it cannot be read, or is none.
    """
    entry = Found(path, check_regular(file, path), "", file).entry
    # One byte more than there should be tells whether it has grown.
    room = min(PIECE, entry.size + 1)
    while len(data := os.read(file, room)) == room:
        yield Entry(path=entry.path, content=data, continues=True)
        room = PIECE
    entry.content = data
    yield entry


def pack_bytes(path: str, content: bytes, mode: int = 0o644) -> Iterator[Entry]:
    """Give a file that is in memory, in pieces."""
    for start in range(0, len(content) or 1, PIECE):
        yield Entry(
            path=os.fsencode(path),
            mode=mode,
            modified=time.time_ns(),
            content=content[start : start + PIECE],
            continues=start + PIECE < len(content),
        )


def parcels(entries: Iterable[Entry]) -> Iterator[Parcel]:
    """Put entries together: many small ones, few large ones."""
    parcel, size = Parcel(), 0
    for entry in entries:
        parcel.entries.append(entry)
        size += _ENTRY_BYTES + len(entry.content)
        if size >= PIECE or len(parcel.entries) >= _ENTRIES:
            yield parcel
            parcel, size = Parcel(), 0
    if parcel.entries:
        yield parcel


class Unpacker:
    """Writes what comes below a folder."""

    def __init__(self, root: int) -> None:
        """Write below it; the descriptor stays the caller's."""
        self._root = root
        self._folder: int | None = None
        self._folder_path = PurePosixPath()
        self._file: NewFile | None = None
        self._path = ""

    def add(self, parcel: Parcel) -> None:
        """Write what is in it.

        Raises:
            OSError: it cannot be written, or would not stay below the folder (EXDEV).
        """
        for entry in parcel.entries:
            self._add(entry)

    def close(self) -> None:
        """Be done; of a file that is not whole, nothing stays."""
        if self._file is not None:
            self._file.discard()
            self._file = None
        self._leave()

    def _add(self, entry: Entry) -> None:
        path = _checked(entry.path)
        if self._file is not None and self._path != str(path):
            raise OSError(errno.EPROTO, "another file begins before this one is whole", self._path)
        match entry.kind:
            case Entry.FILE:
                self._write(path, entry)
            case Entry.FOLDER:
                self._enter(path)
            case Entry.LINK:
                target = os.fsdecode(entry.content)
                _check_link(str(path), target)
                place_link(self._enter(path.parent), path.name, target)
            case _:
                raise not_a_file(str(path))

    def _write(self, path: PurePosixPath, entry: Entry) -> None:
        if self._file is None:
            self._path = str(path)
            self._file = NewFile(self._enter(path.parent), path.name)
        self._file.write(entry.content)
        if not entry.continues:
            file, self._file = self._file, None
            file.commit(mode=entry.mode, modified=entry.modified)

    def _enter(self, path: PurePosixPath) -> int:
        """Give the folder of that path, made where it is not there."""
        if self._folder is None or self._folder_path != path:
            self._leave()
            self._folder = make_folders(self._root, path)
            self._folder_path = path
        return self._folder

    def _leave(self) -> None:
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None


def make_folders(root: int, path: PurePosixPath) -> int:
    """Give the folder at a path below another one, made where it is not there; no link counts.

    Raises:
        OSError: something else is there.
    """
    current = os.open(".", FOLDER, dir_fd=root)
    for part in path.parts:
        with opened(current):
            current = make_folder(current, part)
    return current


def _kind(mode: int) -> Entry.Kind.ValueType:
    if stat.S_ISREG(mode):
        return Entry.FILE
    if stat.S_ISDIR(mode):
        return Entry.FOLDER
    return Entry.LINK if stat.S_ISLNK(mode) else Entry.OTHER


def _checked(encoded: bytes) -> PurePosixPath:
    path = PurePosixPath(os.fsdecode(encoded))
    if not path.parts or path.is_absolute() or ".." in path.parts or b"\0" in encoded:
        raise OSError(errno.EXDEV, "it would be outside of the folder", str(path))
    return path


def _check_link(path: str, target: str) -> None:
    """Refuse a link that leads out of the folder that is carried.

    Only at its beginning may it lead up: behind another link, up could be anywhere.
    """
    parts = PurePosixPath(target).parts
    up = next((number for number, part in enumerate(parts) if part != ".."), len(parts))
    depth = len(PurePosixPath(path).parts) - 1
    if target.startswith("/") or up > depth or ".." in parts[up:]:
        raise OSError(
            errno.EXDEV, f"it is a link that leads out of the folder, to {target!r}", path
        )
