"""The running sandboxes of this user on this machine, found by their folders."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from seer_rpc.locations import sandboxes_folder
from seer_runtime.wire.journal import RUN, is_held

_NAME = "name"

_SHORTEST = 4
"""Characters of an id that are taken for one."""


class RunningSandbox(NamedTuple):
    """A sandbox, as others than its owner know it."""

    id: str
    name: str
    """The one for people; the id where it was given none."""

    folder: Path
    started: datetime

    def is_called(self, text: str) -> bool:
        """Tell whether that is its name, or how its id begins."""
        return self.name == text or (len(text) >= _SHORTEST and self.id.startswith(text))


def running_sandboxes() -> list[RunningSandbox]:
    """Give them, the newest last."""
    folders = sandboxes_folder().glob("*/") if sandboxes_folder().is_dir() else ()
    found = [_look_at(folder) for folder in folders if is_held(str(folder / RUN))]
    return sorted((each for each in found if each is not None), key=lambda each: each.started)


def write_name(folder: Path, name: str) -> None:
    """Let others know what people call the sandbox of this folder."""
    (folder / _NAME).write_text(name)


def _look_at(folder: Path) -> RunningSandbox | None:
    try:
        name = folder / _NAME
        started = datetime.fromtimestamp(name.stat().st_mtime, UTC)
        return RunningSandbox(folder.name, name.read_text(), folder, started)
    except (OSError, ValueError):
        # It has ended meanwhile.
        return None
