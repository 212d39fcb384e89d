"""How a sandbox ended: what watched over it on this machine leaves word for every client."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seer_rpc.files import write_whole
from seer_rpc.registry import all_sandboxes
from seer_runtime.wire.exits import STOPPING

ENDED = "ended"
"""The file's name."""

_PREFIX = "unix:"
_PATIENCE = 3.0
"""Seconds that there are to notice the end and write it down; a busy machine takes its time."""


class Obituary(NamedTuple):
    """What is known of a front's end."""

    exit_code: int
    log: Sequence[str]
    cause: str = ""
    """Why it was ended; empty where it ended by itself."""


def read_obituary(endpoint: str) -> Obituary | None:
    """Give it, where the sandbox was looked after on this machine and its files are there."""
    if not endpoint.startswith(_PREFIX):
        return _of_one_elsewhere(endpoint)
    file = _file(endpoint)
    deadline = time.monotonic() + _PATIENCE
    while file.parent.exists():
        obituary = find_obituary(file)
        if obituary is not None:
            return obituary
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    return None


def ending_of(obituary: Obituary | None) -> str:
    """Say why a front ended: what ended it, or what it said itself; nothing where it was killed."""
    if obituary is None or obituary.cause or obituary.exit_code != 0:
        return obituary.cause if obituary is not None else ""
    return last_word(obituary.log)


def last_word(log: Sequence[str]) -> str:
    """Give why a front says that it ends; nothing where it does not say."""
    said = [line.removeprefix(STOPPING) for line in log if line.startswith(STOPPING)]
    return said[-1] if said else ""


def find_obituary(file: Path) -> Obituary | None:
    """Give the one in a file, where there is one."""
    try:
        return Obituary(**json.loads(file.read_text(errors="replace")))
    except FileNotFoundError:
        return None


def write_obituary(file: Path, obituary: Obituary) -> None:
    """Leave word.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(file, json.dumps(obituary._asdict()).encode())


def _of_one_elsewhere(endpoint: str) -> Obituary | None:
    for record in all_sandboxes():
        if record.endpoint == endpoint:
            return find_obituary(record.folder / ENDED)
    return None


def _file(endpoint: str) -> Path:
    # Beside the folder that the sandbox itself can write to.
    return Path(endpoint.removeprefix(_PREFIX)).parent.with_name(ENDED)
