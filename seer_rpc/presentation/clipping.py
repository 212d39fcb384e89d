"""What is too long to be shown: its beginning, its end, and where the whole is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from seer_rpc.presentation.files import keep

MOST_CHARACTERS = 20_000
"""Characters that are shown; programs that show more to a model cut it themselves."""


class Clipped(NamedTuple):
    """What is shown of a long text."""

    head: str
    tail: str
    left_out: int
    """Characters, or whatever the unit is, between them."""

    file: Path
    """Where the whole is."""

    unit: str = "characters"

    def __str__(self) -> str:
        """Show both ends, and say in between what is missing."""
        note = f"[{self.left_out:,} {self.unit} are left out; the whole is in {self.file}]"
        return f"{self.head}\n{note}\n{self.tail}"


def clip(
    text: str, folder: Path, suffix: str = ".txt", most: int = MOST_CHARACTERS
) -> Clipped | None:
    """Give what is shown of a text of more than `most` characters; None where all of it is.

    The whole is kept in a file of `folder`.
    """
    if len(text) <= most:
        return None
    end = most // 3
    file = keep(text.encode("utf-8", "backslashreplace"), folder, "result", suffix)
    return Clipped(text[: most - end], text[len(text) - end :], len(text) - most, file)


def clip_items(
    text: str, items: Sequence[Any], folder: Path, most: int = MOST_CHARACTERS
) -> Clipped | None:
    """As `clip`, of `text` that is the JSON of a list: whole items are shown at both ends."""
    if len(text) <= most:
        return None
    end = most // 3
    head = _fitting(items, most - end)
    tail = _fitting(reversed(items[len(head) :]), end)[::-1]
    file = keep(text.encode("utf-8", "backslashreplace"), folder, "result", ".json")
    missing = len(items) - len(head) - len(tail)
    unit = f"of {len(items):,} items"
    return Clipped(f"[{', '.join(head)}", f"{', '.join(tail)}]", missing, file, unit)


def _fitting(items: Iterable[Any], most: int) -> list[str]:
    fitting: list[str] = []
    for item in items:
        text = json.dumps(item, ensure_ascii=False)
        most -= len(text) + 2
        if most < 0:
            break
        fitting.append(text)
    return fitting
