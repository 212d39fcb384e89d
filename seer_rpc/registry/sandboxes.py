"""The records of sandboxes, and which of them run."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from seer_rpc.errors import SandboxError
from seer_rpc.files import write_whole
from seer_rpc.locations import sandboxes_folder
from seer_rpc.registry.record import SandboxRecord
from seer_runtime.wire.journal import RUN, is_held

_RECORD = "record.json"

_ASKED: list[Callable[[SandboxRecord], bool]] = []

_UNWRITTEN = 60.0
"""Seconds in which a folder without a record may be one that is being made."""


def register(record: SandboxRecord) -> None:
    """Write down what is known of a sandbox: before it is made, and again when it runs.

    Raises:
        OSError: it cannot be written.
    """
    record.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(record.folder / _RECORD, record.to_json().encode())


def rewrite(sandbox_id: str, **changes: Any) -> None:
    """Change what is written down of a sandbox that runs.

    Raises:
        OSError: it cannot be written.
    """
    record = read_record(sandboxes_folder() / sandbox_id)
    if record is not None:
        register(dataclasses.replace(record, **changes))


def forget(sandbox_id: str) -> None:
    """Remove what is written down of a sandbox that is no more."""
    shutil.rmtree(sandboxes_folder() / sandbox_id, ignore_errors=True)


def is_running(record: SandboxRecord) -> bool:
    """Tell whether a sandbox runs.

    Whoever runs it, or owns it, holds a lock. One that outlived its owner may run elsewhere, which
    only its backend knows.
    """
    if is_held(str(record.folder / RUN)):
        return True
    return record.is_detached and bool(record.endpoint) and any(ask(record) for ask in _ASKED)


def ask_with(ask: Callable[[SandboxRecord], bool]) -> None:
    """Have backends asked in this way."""
    _ASKED.append(ask)


def all_sandboxes() -> list[SandboxRecord]:
    """Give what is written down, the newest last; those that have ended may be among them."""
    found = [record for folder in _folders() if (record := read_record(folder)) is not None]
    return sorted(found, key=lambda record: record.created)


def running_sandboxes() -> list[SandboxRecord]:
    """Give those that run, the newest last."""
    return [record for record in all_sandboxes() if is_running(record)]


def find_sandbox(which: str, *, with_ended: bool = False) -> SandboxRecord:
    """Give the running sandbox of that id or name, or the one whose id begins so.

    Raises:
        SandboxError: there is none, or several; or it has ended, and `with_ended` is not given.
    """
    known = all_sandboxes()
    for match in (
        [each for each in known if each.id == which],
        [each for each in known if each.name == which and is_running(each)],
        [each for each in known if each.is_called(which)],
    ):
        running = [each for each in match if is_running(each)]
        if len(running) == 1:
            return running[0]
        if running:
            names = ", ".join(f"{each.id} ({each.name})" for each in running)
            raise SandboxError(
                f"{len(running)} running sandboxes are called {which!r}: {names}",
                hint="give the id, or more of it",
            )
        if match and with_ended:
            return match[-1]
        if match:
            raise SandboxError(
                f"sandbox {match[-1].name} ({match[-1].id}) has ended",
                hint="`seer ps` lists those that run; start another one",
            )
    running = [each for each in known if is_running(each)]
    names = ", ".join(map(_called, running)) or "none"
    raise SandboxError(
        f"no sandbox of yours on this machine is called {which!r}",
        hint=f"`seer ps` lists those that run: {names}",
    )


def _called(record: SandboxRecord) -> str:
    return record.id if record.name == record.id else f"{record.id} ({record.name})"


def stale_sandboxes() -> Iterator[tuple[Path, SandboxRecord | None]]:
    """Give folders that nobody will remove: their owner is gone, and nothing in them runs.

    One that should run on without its owner, and was not ready when that ended, is among them, and
    one that should have ended with it. There is no record where the folder was begun and no more.
    """
    for folder in _folders():
        record = read_record(folder)
        if record is None:
            if not is_held(str(folder / RUN)) and _age(folder) > _UNWRITTEN:
                yield folder, None
        elif _is_stale(record):
            yield folder, record


def _is_stale(record: SandboxRecord) -> bool:
    if not record.owner.is_of_this_world:
        # Nobody here can tell whether its owner lives, only that its time is over.
        age = time.time() - record.started.timestamp()
        return age > record.timeout + _UNWRITTEN and not is_running(record)
    if record.owner.is_alive:
        return False
    return not (record.is_detached and record.endpoint and is_running(record))


def _folders() -> Iterator[Path]:
    with contextlib.suppress(FileNotFoundError):
        yield from sandboxes_folder().iterdir()


def read_record(folder: Path) -> SandboxRecord | None:
    """Give what is written down in a sandbox's folder; None where that is nothing."""
    with contextlib.suppress(OSError, ValueError):
        record = SandboxRecord.from_json((folder / _RECORD).read_bytes())
        # A folder speaks for itself alone.
        return record if record.id == folder.name else None
    return None


def _age(folder: Path) -> float:
    with contextlib.suppress(FileNotFoundError):
        return time.time() - folder.stat().st_mtime
    return 0.0
