"""Contents of files, each kept once, under its SHA-256, for whoever only reads."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from seer_rpc.snapshots.manifest import Extent

_CHUNK = 1 << 20
_READ_ONLY = 0o400


class DamagedBlobError(Exception):
    """A content is not there, or not what it was; the message says which of both."""


class Kept(NamedTuple):
    """A content that is kept."""

    digest: str
    file: Path
    size: int


class Blobs:
    """The contents in one folder."""

    def __init__(self, folder: Path) -> None:
        """Keep them in `folder`, which is made where it is needed."""
        self._folder = folder

    def put(self, source: int, extents: Sequence[Extent]) -> str:
        """Keep parts of an open file; gives their digest.

        Raises:
            OSError: they cannot be read, or there is no room for them.
        """
        # Most contents are here already: to read them once is enough then.
        digest = hashlib.sha256()
        for _, chunk in _read(source, extents):
            digest.update(chunk)
        size = sum(length for _, length in extents)
        if self._has(digest.hexdigest(), size):
            return digest.hexdigest()
        return self._copy(source, extents)

    def get(self, digest: str, target: int, extents: Sequence[Extent]) -> None:
        """Write a content into parts of an open file.

        Raises:
            DamagedBlobError: it is not what was kept.
            OSError: there is no room for it.
        """
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            source = os.open(self._file(digest), flags)
        except OSError as error:
            raise DamagedBlobError(f"its content is gone ({error.strerror})") from None
        found = hashlib.sha256()
        with os.fdopen(source, "rb", buffering=0) as file:
            size = sum(length for _, length in extents)
            if os.fstat(source).st_size != size:
                raise DamagedBlobError("its content is not as long as it was")
            place = 0
            for start, length in extents:
                for offset, chunk in _read(file.fileno(), [(place, length)]):
                    found.update(chunk)
                    _write(target, chunk, start + offset - place)
                place += length
        if found.hexdigest() != digest:
            raise DamagedBlobError("its content has changed since")

    def all(self) -> Iterator[Kept]:
        """Give what is kept."""
        for file in self._folder.glob("??/*"):
            with contextlib.suppress(FileNotFoundError):
                yield Kept(file.name, file, file.stat().st_size)

    def partial(self) -> Iterator[Path]:
        """Give what was begun and never finished, if nobody writes now."""
        return self._folder.glob(".partial-*")

    def _copy(self, source: int, extents: Sequence[Extent]) -> str:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        scratch = self._folder / f".partial-{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(scratch, flags, _READ_ONLY), "wb") as file:
                digest = hashlib.sha256()
                for _, chunk in _read(source, extents):
                    digest.update(chunk)
                    file.write(chunk)
            target = self._file(digest.hexdigest())
            target.parent.mkdir(exist_ok=True, mode=0o700)
            scratch.replace(target)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise
        return digest.hexdigest()

    def _has(self, digest: str, size: int) -> bool:
        with contextlib.suppress(FileNotFoundError):
            return self._file(digest).stat().st_size == size
        return False

    def _file(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest


def _read(source: int, extents: Iterable[Extent]) -> Iterator[tuple[int, bytes]]:
    """Give chunks and where each begins; what has become shorter meanwhile is read as zeros."""
    for start, length in extents:
        end = start + length
        while start < end:
            wanted = min(_CHUNK, end - start)
            chunk = os.pread(source, wanted, start) or bytes(wanted)
            yield start, chunk
            start += len(chunk)


def _write(target: int, chunk: bytes, place: int) -> None:
    rest = memoryview(chunk)
    while rest:
        written = os.pwrite(target, rest, place)
        rest, place = rest[written:], place + written
