"""Making folders of a snapshot again: in a folder where nothing runs yet."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from seer_rpc.errors import SnapshotError
from seer_rpc.snapshots.blobs import Blobs, DamagedBlobError
from seer_rpc.snapshots.folders import FOLDER, open_folder
from seer_rpc.snapshots.manifest import Entry, File, Folder, Link, Twin, decode
from seer_rpc.snapshots.snapshot import Snapshot
from seer_rpc.snapshots.store import MANIFEST, blobs, in_use, kept_folder

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def restore_snapshot(snapshot: Snapshot, folder: Path, names: Sequence[str]) -> None:
    """Make the trees of these names in `folder`, where they are empty folders or none.

    Raises:
        SnapshotError: it is damaged, or gone; or there is no room for it. What is there of it then
            is not to be used.
    """
    with in_use():
        manifest = kept_folder() / snapshot.id / MANIFEST
        root = os.open(folder, FOLDER)
        try:
            _check_manifest(manifest)
            restoration = _Restoration(root, blobs(), names)
            for entry in _entries(manifest):
                restoration.add(entry)
            restoration.finish()
        except (OSError, ValueError) as error:
            raise SnapshotError(
                f"snapshot {snapshot.id} cannot be restored: {error}",
                hint="`seer snapshots` lists those that there are",
            ) from error
        finally:
            os.close(root)


def _check_manifest(manifest: Path) -> None:
    with manifest.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != manifest.with_name(f"{MANIFEST}.sha256").read_text():
        raise ValueError("the list of its files has changed since")


def _entries(manifest: Path) -> Iterator[Entry]:
    with manifest.open("rb") as lines:
        yield from map(decode, lines)


class _Restoration:
    """Makes one thing after the other; nothing that is there is overwritten."""

    def __init__(self, root: int, kept: Blobs, names: Sequence[str]) -> None:
        self._root = root
        self._kept = kept
        self._names = names
        self._folders: list[Folder] = []

    def add(self, entry: Entry) -> None:
        """Make it.

        Raises:
            ValueError: it cannot be in a snapshot.
            OSError: the system does not make it.
        """
        *above, name = entry.path.split("/")
        if (above or [name])[0] not in self._names:
            raise ValueError(f"a path that leads elsewhere: {entry.path!r}")
        if not above and not isinstance(entry, Folder):
            raise ValueError(f"no folder: {entry.path!r}")
        parent = open_folder(self._root, above)
        try:
            self._make(entry, parent, name)
        finally:
            os.close(parent)

    def finish(self) -> None:
        """Give folders their rights and times, now that they are full."""
        for entry in reversed(self._folders):
            folder = open_folder(self._root, entry.path.split("/"))
            try:
                os.fchmod(folder, entry.mode)
                os.utime(folder, ns=(entry.mtime, entry.mtime))
            finally:
                os.close(folder)

    def _make(self, entry: Entry, parent: int, name: str) -> None:
        match entry:
            case Folder():
                self._make_folder(entry, parent, name)
            case File():
                self._make_file(entry, parent, name)
            case Link():
                os.symlink(entry.target, name, dir_fd=parent)
                times = (entry.mtime, entry.mtime)
                os.utime(name, ns=times, dir_fd=parent, follow_symlinks=False)
            case Twin():
                self._make_twin(entry, parent, name)

    def _make_folder(self, entry: Folder, parent: int, name: str) -> None:
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
        except FileExistsError:
            # The outermost ones are there already.
            if "/" in entry.path:
                raise
        self._folders.append(entry)

    def _make_file(self, entry: File, parent: int, name: str) -> None:
        descriptor = os.open(name, _NEW, 0o600, dir_fd=parent)
        try:
            os.truncate(descriptor, entry.size)
            self._kept.get(entry.digest, descriptor, entry.extents)
            os.fchmod(descriptor, entry.mode)
            os.utime(descriptor, ns=(entry.mtime, entry.mtime))
        except DamagedBlobError as error:
            raise ValueError(f"/{entry.path} is damaged: {error}") from None
        finally:
            os.close(descriptor)

    def _make_twin(self, entry: Twin, parent: int, name: str) -> None:
        *above, first = entry.first.split("/")
        if (above or [first])[0] not in self._names:
            raise ValueError(f"a path that leads elsewhere: {entry.first!r}")
        folder = open_folder(self._root, above)
        try:
            os.link(first, name, src_dir_fd=folder, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(folder)
