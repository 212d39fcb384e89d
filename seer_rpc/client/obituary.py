"""How a sandbox on this machine ended: what watched over it leaves word for every client."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seer_runtime.wire.exits import STOPPING

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
    """Give it, where the sandbox was on this machine and its files are still there."""
    if not endpoint.startswith(_PREFIX):
        return None
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
    said = [line.removeprefix(STOPPING) for line in obituary.log if line.startswith(STOPPING)]
    return said[-1] if said else ""


def find_obituary(file: Path) -> Obituary | None:
    """Give the one in a file, where there is one."""
    try:
        return Obituary(**json.loads(file.read_text(errors="replace")))
    except FileNotFoundError:
        return None


def _file(endpoint: str) -> Path:
    # Beside the folder that the sandbox itself can write to.
    return Path(endpoint.removeprefix(_PREFIX)).parent.with_name("ended")
