"""How a front on this machine ended: its owner writes it beside the socket, for every client."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seer_runtime.wire.exits import STOPPING

UNKNOWN = 255
"""The exit status of a front that ended where nobody saw it."""

_PREFIX = "unix:"
_PATIENCE = 0.5
"""Seconds that the owner gets to notice the end and write it down."""


class Obituary(NamedTuple):
    """What is known of a front's end."""

    exit_code: int
    log: Sequence[str]


def ending_in(exit_code: int | None, log: Sequence[str]) -> str:
    """Say why a front ended by itself, from what it said last; nothing where it was killed."""
    if exit_code not in (0, UNKNOWN):
        return ""
    said = [line.removeprefix(STOPPING) for line in log if line.startswith(STOPPING)]
    return said[-1] if said else ""


def write_obituary(endpoint: str, obituary: Obituary) -> None:
    """Leave it where clients of the endpoint look."""
    file = _file(endpoint)
    scratch = file.with_suffix(".partial")
    scratch.write_text(json.dumps(obituary._asdict()))
    scratch.replace(file)


def read_obituary(endpoint: str) -> Obituary | None:
    """Give it, where the front ended on this machine and its owner saw that."""
    if not endpoint.startswith(_PREFIX):
        return None
    file = _file(endpoint)
    deadline = time.monotonic() + _PATIENCE
    while file.parent.exists():
        if file.exists():
            return Obituary(**json.loads(file.read_text()))
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    return None


def _file(endpoint: str) -> Path:
    return Path(endpoint.removeprefix(_PREFIX)).with_suffix(".ended")
