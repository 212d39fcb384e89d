"""Taking a snapshot of folders, while whatever runs there goes on."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from seer_rpc.errors import SnapshotError
from seer_rpc.files import write_whole
from seer_rpc.snapshots.blobs import Blobs
from seer_rpc.snapshots.folders import FOLDER, open_file, open_folder
from seer_rpc.snapshots.manifest import Entry, Extent, File, Folder, Link, Twin, encode
from seer_rpc.snapshots.snapshot import Snapshot
from seer_rpc.snapshots.store import ABOUT, MANIFEST, blobs, in_use, kept_folder, partial_folder

_DEEPEST = 256
"""Folders within each other."""

_MOST_NAMED = 100
"""Names of what was skipped, in what is known of the snapshot."""

_PAUSES = (0.02, 0.1, 0.3)
"""Seconds before a file that was written to meanwhile is read once more."""

_TICK = 10_000_000
"""Nanoseconds that two changes of a file may be apart and have the same time."""

_OTHERS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Subject(NamedTuple):
    """The sandbox of which a snapshot is."""

    id: str
    name: str
    backend: str


def take_snapshot(
    folder: Path,
    names: Sequence[str],
    subject: Subject,
    description: str,
    is_running: Callable[[], bool],
) -> Snapshot:
    """Keep the trees of these names in `folder`: contents, rights, times and links.

    Each file is as it was at one moment, files of different moments may be beside each other; one
    that is written to all the time is named in the result. Whatever ends this leaves no half of a
    snapshot, and there is none of a sandbox that is not running any more when all is read: its
    files may be on their way out.

    Raises:
        SnapshotError: there is no room for it, or the sandbox has ended.
    """
    with in_use():
        scratch = partial_folder() / secrets.token_hex(8)
        try:
            snapshot = _take(folder, names, subject, description, scratch)
            if not is_running():
                raise SnapshotError(f"sandbox {subject.name} ended before its files were kept")
            scratch.rename(kept_folder() / snapshot.id)
            return snapshot
        except OSError as error:
            raise SnapshotError(
                f"no snapshot of sandbox {subject.name}: {error}",
                hint="`seer snapshots` shows what others take, `seer gc` removes what none needs",
            ) from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def note_snapshot(subject: Subject, description: str, image: str) -> Snapshot:
    """Write down a snapshot that the backend keeps, under that name of its own.

    Raises:
        SnapshotError: there is no room for it.
    """
    snapshot = Snapshot(
        id=f"snap-{secrets.token_hex(6)}",
        description=description,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        sandbox_id=subject.id,
        sandbox_name=subject.name,
        backend=subject.backend,
        size=None,
        files=None,
        image=image,
    )
    try:
        folder = kept_folder() / snapshot.id
        folder.mkdir(parents=True, mode=0o700)
        write_whole(folder / ABOUT, snapshot.to_json().encode())
    except OSError as error:
        raise SnapshotError(f"the snapshot cannot be noted: {error}; it is {image}") from error
    return snapshot


def _take(
    folder: Path, names: Sequence[str], subject: Subject, description: str, scratch: Path
) -> Snapshot:
    scratch.mkdir(parents=True, mode=0o700)
    root = os.open(folder, FOLDER)
    try:
        with _Manifest(scratch / MANIFEST) as manifest:
            survey = _Survey(root, blobs())
            for entry in survey.walk(names):
                manifest.add(entry)
    finally:
        os.close(root)
    snapshot = Snapshot(
        id=f"snap-{secrets.token_hex(6)}",
        description=description,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        sandbox_id=subject.id,
        sandbox_name=subject.name,
        backend=subject.backend,
        size=manifest.size,
        files=manifest.files,
        skipped=_shortened(survey.skipped),
        unsettled=_shortened(survey.unsettled),
    )
    (scratch / ABOUT).write_text(snapshot.to_json())
    (scratch / f"{MANIFEST}.sha256").write_text(manifest.digest)
    kept_folder().mkdir(exist_ok=True, mode=0o700)
    return snapshot


class _Manifest:
    """Writes the list of what is in the snapshot."""

    def __init__(self, file: Path) -> None:
        self.size = self.files = 0
        self._digest = hashlib.sha256()
        self._file: BinaryIO = file.open("xb")

    def __enter__(self) -> _Manifest:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def add(self, entry: Entry) -> None:
        line = encode(entry)
        self._digest.update(line)
        self._file.write(line)
        self.files += not isinstance(entry, Folder)
        self.size += entry.data_size if isinstance(entry, File) else 0


class _Survey:
    """Walks trees, and keeps the contents that it meets."""

    def __init__(self, root: int, kept: Blobs) -> None:
        self.skipped: list[str] = []
        self.unsettled: list[str] = []
        self._root = root
        self._device = os.fstat(root).st_dev
        self._kept = kept
        self._twins: dict[int, str] = {}
        """The first name of each file that has several, by its number."""

    def walk(self, names: Sequence[str]) -> Iterator[Entry]:
        waiting: list[tuple[str, ...]] = [(name,) for name in reversed(names)]
        while waiting:
            parts = waiting.pop()
            with self._noting(parts), contextlib.ExitStack() as opened:
                folder = open_folder(self._root, parts)
                opened.callback(os.close, folder)
                yield from self._folder(folder, parts, waiting)

    def _folder(
        self, folder: int, parts: tuple[str, ...], waiting: list[tuple[str, ...]]
    ) -> Iterator[Entry]:
        status = os.fstat(folder)
        if status.st_dev != self._device:
            self._skip(parts, "another file system")
            return
        yield Folder("/".join(parts), stat.S_IMODE(status.st_mode), status.st_mtime_ns)
        for name in sorted(os.listdir(folder), reverse=True):
            inside = (*parts, name)
            with self._noting(inside):
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if not stat.S_ISDIR(status.st_mode):
                    entry = self._entry(folder, inside, status)
                    if entry is not None:
                        yield entry
                elif len(inside) > _DEEPEST:
                    self._skip(inside, f"more than {_DEEPEST} folders deep")
                else:
                    waiting.append(inside)

    def _entry(self, folder: int, parts: tuple[str, ...], status: os.stat_result) -> Entry | None:
        path = "/".join(parts)
        kind = stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFLNK:
            return Link(path, status.st_mtime_ns, os.readlink(parts[-1], dir_fd=folder))
        if kind != stat.S_IFREG:
            self._skip(parts, _OTHERS.get(kind, "no file"))
            return None
        descriptor = open_file(folder, parts[-1])
        try:
            return self._file(descriptor, path)
        finally:
            os.close(descriptor)

    def _file(self, descriptor: int, path: str) -> Entry:
        status = os.fstat(descriptor)
        if status.st_nlink > 1 and status.st_ino in self._twins:
            return Twin(path, self._twins[status.st_ino])
        for pause in (*_PAUSES, None):
            begun = time.time_ns()
            before = os.fstat(descriptor)
            extents = _extents(descriptor, before)
            digest = self._kept.put(descriptor, extents)
            if _is_settled(before, os.fstat(descriptor), begun):
                break
            if pause is None:
                self.unsettled.append(_shown(path))
            else:
                time.sleep(pause)
        if before.st_nlink > 1:
            self._twins[before.st_ino] = path
        mode = stat.S_IMODE(before.st_mode)
        return File(path, mode, before.st_mtime_ns, before.st_size, digest, extents)

    @contextlib.contextmanager
    def _noting(self, parts: tuple[str, ...]) -> Iterator[None]:
        """Skip what cannot be read; what is gone meanwhile is just not there."""
        try:
            yield
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in _UNREADABLE:
                raise
            self._skip(parts, error.strerror or str(error))

    def _skip(self, parts: tuple[str, ...], reason: str) -> None:
        self.skipped.append(f"{_shown('/'.join(parts))} ({reason})")


_UNREADABLE = frozenset({errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})
"""What a thing may say that is not readable, or not the same any more as a moment ago."""


def _extents(descriptor: int, status: os.stat_result) -> list[Extent]:
    """Give where a file has data: all of it, but for its holes."""
    size = status.st_size
    if status.st_blocks * 512 >= size:
        return [(0, size)] if size else []
    extents = []
    end = 0
    with contextlib.suppress(OSError):
        while end < size:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
            end = min(os.lseek(descriptor, start, os.SEEK_HOLE), size)
            if start < end:
                extents.append((start, end - start))
    return extents


def _is_settled(before: os.stat_result, after: os.stat_result, begun: int) -> bool:
    times = [(each.st_size, each.st_mtime_ns, each.st_ctime_ns) for each in (before, after)]
    return times[0] == times[1] and begun - before.st_ctime_ns > _TICK


def _shown(path: str) -> str:
    """Give a name that can be printed."""
    return json.dumps(path)[1:-1] if not path.isprintable() else path


def _shortened(names: Sequence[str]) -> tuple[str, ...]:
    more = len(names) - _MOST_NAMED
    return (*names[:_MOST_NAMED], *([f"and {more} more"] if more > 0 else []))
