"""What sandboxes leave on this machine that nobody needs any more."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from seer_rpc.backends.local.python.overlays import overlays, prune_overlays
from seer_rpc.environment.records import sweep
from seer_rpc.locations import cache_folder, jobs_folder, results_folder
from seer_rpc.snapshots import Garbage, collect_garbage

_CACHED = ("models", "scripts", "repos", "code-server")
_OLD = 30 * 24 * 3600.0
"""Seconds after which what can be made again, or was there to be looked at, is not needed."""


class Collected(NamedTuple):
    """What there was of it."""

    sandboxes: list[str]
    """Ids, and names where they differ."""

    contents: Garbage | None
    """Of no snapshot; None where a snapshot was being taken, and nothing was looked at."""

    old: list[str]
    """Names of what is cached, results and jobs that were not used for 30 days."""


def collect(*, dry_run: bool = False) -> Collected:
    """Remove it; with `dry_run` only say what there is."""
    sandboxes = [
        folder.name if record is None or record.name == record.id else f"{record.id} {record.name}"
        for folder, record in sweep(dry_run=dry_run)
    ]
    contents = collect_garbage(dry_run=dry_run)
    return Collected(sandboxes, contents, [*_overlays(dry_run), *_old_files(dry_run)])


def _overlays(dry_run: bool) -> list[str]:
    if not dry_run:
        return [f"python/{name}" for name in prune_overlays(_OLD)]
    before = time.time() - _OLD
    return [f"python/{each.folder}" for each, used in overlays() if used < before and each.folder]


def _old_files(dry_run: bool) -> Iterator[str]:
    cached = [cache_folder() / name for name in _CACHED]
    for folder in (*cached, results_folder(), jobs_folder()):
        for path in sorted(folder.glob("*")):
            # Somebody may wait for a lock, and whoever comes next would find another one.
            if path.suffix != ".lock" and time.time() - _last_use(path) > _OLD:
                yield f"{folder.name}/{path.name}"
                if not dry_run:
                    _remove(path)


def _last_use(path: Path) -> float:
    """Give when it, or anything in it, was read or written."""
    times = [0.0]
    for each in (path, *path.rglob("*")):
        try:
            status = each.lstat()
        except FileNotFoundError:
            return time.time()
        # A folder is read by whoever looks at it, as this does.
        times.append(status.st_mtime if each.is_dir() else max(status.st_atime, status.st_mtime))
    return max(times)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
