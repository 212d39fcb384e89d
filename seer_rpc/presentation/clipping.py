"""Texts that are too long to be shown: their beginning, their end, and where the whole is."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from seer_rpc.presentation.files import keep

MOST_CHARACTERS = 20_000
"""Characters that are shown; programs that show more to a model cut it themselves."""


class Clipped(NamedTuple):
    """What is shown of a long text."""

    head: str
    tail: str
    left_out: int
    """Characters between them."""

    file: Path
    """Where the whole is."""

    def __str__(self) -> str:
        """Show both ends, and say in between what is missing."""
        note = f"[{self.left_out:,} characters are left out; the whole is in {self.file}]"
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
