"""Where snapshots are: `STATE/snapshots`, with a folder for each and their contents together.

Whoever takes or restores one shares a lock; whoever removes contents has it alone. So nothing is
removed that a snapshot which is being taken has found here.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from seer_rpc.errors import SnapshotError
from seer_rpc.locations import snapshots_folder
from seer_rpc.snapshots.blobs import Blobs
from seer_rpc.snapshots.manifest import digests
from seer_rpc.snapshots.snapshot import Snapshot

ABOUT = "snapshot.json"
MANIFEST = "manifest"
_SHORTEST = 4
"""Characters of an id that are taken for one."""


class Garbage(NamedTuple):
    """What no snapshot needs."""

    files: int
    size: int
    """Bytes."""


def kept_folder() -> Path:
    """Give the folder that has one for each snapshot, under its id."""
    return snapshots_folder() / "kept"


def partial_folder() -> Path:
    """Give the folder of those that are being taken."""
    return snapshots_folder() / "partial"


def blobs() -> Blobs:
    """Give the contents."""
    return Blobs(snapshots_folder() / "blobs")


@contextlib.contextmanager
def in_use() -> Iterator[None]:
    """Keep others from removing contents."""
    with _lock(fcntl.LOCK_SH):
        yield


def list_snapshots() -> list[Snapshot]:
    """Give the snapshots of this user, the newest last; none that cannot be read."""
    found = []
    for file in kept_folder().glob(f"*/{ABOUT}"):
        with contextlib.suppress(OSError, ValueError):
            found.append(Snapshot.from_json(file.read_bytes()))
    return sorted(found, key=lambda snapshot: snapshot.created)


def find_snapshot(which: str) -> Snapshot:
    """Give the snapshot of that id, or the one whose id begins so.

    Raises:
        SnapshotError: there is none, or several.
    """
    known = list_snapshots()
    found = [each for each in known if each.id == which] or [
        each for each in known if len(which) >= _SHORTEST and each.id.startswith(which)
    ]
    match found:
        case [one]:
            return one
        case []:
            newest = ", ".join(each.id for each in known[-5:]) or "none"
            raise SnapshotError(
                f"there is no snapshot {which!r}",
                hint=f"`seer snapshots` lists them; the newest are: {newest}",
            )
    raise SnapshotError(
        f"{len(found)} snapshots begin with {which!r}: {', '.join(each.id for each in found)}",
        hint="give more of its id",
    )


def remove_snapshot(which: str | Snapshot) -> Snapshot:
    """Remove a snapshot, and the contents that no other one has.

    Raises:
        SnapshotError: there is none of that id.
    """
    snapshot = find_snapshot(which) if isinstance(which, str) else which
    # At once, and only then piece by piece.
    removed = partial_folder() / f"{snapshot.id}.removed"
    try:
        with in_use():
            partial_folder().mkdir(exist_ok=True, mode=0o700)
            (kept_folder() / snapshot.id).rename(removed)
    except FileNotFoundError:
        raise SnapshotError(f"there is no snapshot {snapshot.id!r} any more") from None
    shutil.rmtree(removed, ignore_errors=True)
    collect_garbage()
    return snapshot


def collect_garbage(*, dry_run: bool = False) -> Garbage | None:
    """Remove contents that no snapshot has, and what was left of snapshots that broke off.

    Gives what there was of it; None where a snapshot is being taken or restored right now, and
    nothing was looked at.
    """
    if not snapshots_folder().is_dir():
        return Garbage(0, 0)
    try:
        with _lock(fcntl.LOCK_EX | fcntl.LOCK_NB):
            return _collect(dry_run)
    except BlockingIOError:
        return None


def _collect(dry_run: bool) -> Garbage:
    needed: set[str] = set()
    for manifest in kept_folder().glob(f"*/{MANIFEST}"):
        with manifest.open("rb") as lines:
            for line in lines:
                needed |= digests(line)
    unneeded = [kept for kept in blobs().all() if kept.digest not in needed]
    if not dry_run:
        for kept in unneeded:
            kept.file.unlink(missing_ok=True)
        for file in blobs().partial():
            file.unlink(missing_ok=True)
        shutil.rmtree(partial_folder(), ignore_errors=True)
    return Garbage(len(unneeded), sum(kept.size for kept in unneeded))


@contextlib.contextmanager
def _lock(operation: int) -> Iterator[None]:
    snapshots_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    descriptor = os.open(snapshots_folder() / "lock", flags, 0o600)
    try:
        fcntl.flock(descriptor, operation)
        yield
    finally:
        os.close(descriptor)
