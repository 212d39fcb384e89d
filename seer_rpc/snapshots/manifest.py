"""The list of what is in a snapshot: a line of JSON each, folders before what is in them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

_DIGEST = re.compile(r"[0-9a-f]{64}")
_DIGESTS = re.compile(rb'"([0-9a-f]{64})"')
_MODES = 0o777
"""Rights; what else a mode says could give rights to others."""

_MOST = (1 << 63) - 1

Extent: TypeAlias = tuple[int, int]
"""Where some bytes of a file begin, and how many they are."""


class Folder(NamedTuple):
    """A folder."""

    path: str
    mode: int
    mtime: int
    """Nanoseconds."""


class File(NamedTuple):
    """A file and its content."""

    path: str
    mode: int
    mtime: int
    size: int
    digest: str
    """SHA-256 of what the extents hold, in hexadecimal."""

    extents: Sequence[Extent]
    """All but the holes."""

    @property
    def data_size(self) -> int:
        """Bytes without the holes."""
        return sum(length for _, length in self.extents)


class Link(NamedTuple):
    """A symbolic link: its target is text and nothing else."""

    path: str
    mtime: int
    target: str


class Twin(NamedTuple):
    """Another name of a file that came before: a hard link."""

    path: str
    first: str


Entry: TypeAlias = Folder | File | Link | Twin

_KINDS: dict[str, type[Entry]] = {
    "folder": Folder,
    "file": File,
    "link": Link,
    "twin": Twin,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def encode(entry: Entry) -> bytes:
    """Give the line."""
    # Names are bytes to the system; what is no UTF-8 of them are surrogates, which JSON can escape.
    return json.dumps([_NAMES[type(entry)], *entry]).encode() + b"\n"


def decode(line: bytes) -> Entry:
    """Read a line, whoever wrote it.

    Raises:
        ValueError: it is none, or names what cannot be inside a sandbox's folder.
    """
    try:
        return _entry(json.loads(line))
    except (TypeError, RecursionError) as error:
        raise ValueError(f"no entry of a snapshot: {error}") from None


def _entry(values: object) -> Entry:
    match values:
        case ["folder", str(path), int(mode), int(mtime)]:
            return Folder(_path(path), mode & _MODES, _number(mtime, -_MOST))
        case ["file", str(path), int(mode), int(mtime), int(size), str(digest), list(extents)]:
            return File(
                _path(path),
                mode & _MODES,
                _number(mtime, -_MOST),
                _number(size),
                check_digest(digest),
                _extents(extents, size),
            )
        case ["link", str(path), int(mtime), str(target)]:
            return Link(_path(path), _number(mtime, -_MOST), _name(target))
        case ["twin", str(path), str(first)]:
            return Twin(_path(path), _path(first))
    raise ValueError("no entry of a snapshot")


def digests(line: bytes) -> set[str]:
    """Give every digest that a line may name, even where it is damaged."""
    return {found.decode() for found in _DIGESTS.findall(line)}


def check_digest(digest: str) -> str:
    """Give it back.

    Raises:
        ValueError: it is none.
    """
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"no SHA-256: {digest!r}")
    return digest


def _path(path: str) -> str:
    parts = _name(path).split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"a path that leads elsewhere: {path!r}")
    return path


def _name(name: str) -> str:
    if not name or "\0" in name:
        raise ValueError(f"no name of a file: {name!r}")
    os.fsencode(name)
    return name


def _number(value: int, least: int = 0) -> int:
    if not least <= value <= _MOST:
        raise ValueError(f"no number for a file: {value}")
    return value


def _extents(values: Sequence[Any], size: int) -> list[Extent]:
    extents = [(_number(start), _number(length)) for start, length in values]
    end = 0
    for start, length in extents:
        if start < end or start + length > size:
            raise ValueError("parts of a file that do not fit it")
        end = start + length
    return extents
