"""What is shown of long texts: both ends, and how the rest is asked for."""

from __future__ import annotations

from typing import NamedTuple

MOST_OF_ONE = 8_000
"""Characters of one output that are shown."""

MOST_IN_ALL = 24_000
"""Characters of one answer."""

_MOST_DOCS = 8_000
"""Characters of the docs of a session's libraries."""

LEAST = 200
"""Characters below which it is not worth to show any."""


class Excerpt(NamedTuple):
    """What is shown of a text."""

    head: str
    tail: str
    left_out: int
    """Characters between them."""

    def text(self, source: str) -> str:
        """Give it, with a note that says where the rest is."""
        if not self.left_out:
            return self.head
        note = f"[... {self.left_out:,} characters are left out; {source} ...]"
        return f"{self.head}\n{note}\n{self.tail}"


def excerpt(text: str, most: int) -> Excerpt:
    """Take at most so many characters of a text, from both of its ends."""
    if len(text) <= most:
        return Excerpt(text, "", 0)
    end = most // 3
    return Excerpt(text[: most - end], text[len(text) - end :], len(text) - most)


def importable(docs: str) -> str:
    """Say what a session's libraries are; nothing where it has none."""
    shown = docs if len(docs) <= _MOST_DOCS else f"{docs[:_MOST_DOCS]} ..."
    return f"Libraries that can be imported there:\n\n{shown}" if docs else ""


class Room:
    """How many characters an answer can still show."""

    def __init__(self, most: int = MOST_IN_ALL) -> None:
        """Begin with all of it."""
        self.left = most

    def take(self, text: str, most: int = MOST_OF_ONE) -> Excerpt | None:
        """Give what there is room for; None where that is nothing worth showing."""
        allowed = min(most, self.left)
        if len(text) > allowed < LEAST:
            return None
        shown = excerpt(text, allowed)
        self.left -= len(shown.head) + len(shown.tail)
        return shown
