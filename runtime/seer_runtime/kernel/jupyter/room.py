"""How much the server holds: all that its notebooks put out has bounds together."""

from __future__ import annotations

from typing import Any, Protocol

_MOST = 128 << 20
"""Characters of outputs that all notebooks hold, and all that is known of what ran in them."""


class Holder(Protocol):
    """Something that outputs are kept in."""

    @property
    def size(self) -> int:
        """Characters that it holds."""

    def shrink(self) -> bool:
        """Give up what is oldest; tells whether there was anything."""


class Room:
    """Has the largest holder give something up when all together hold too much."""

    def __init__(self, most: int = _MOST) -> None:
        """Begin with no holders."""
        self._most = most
        self._holders: list[Holder] = []

    def add(self, *holders: Holder) -> None:
        """Count these, too."""
        self._holders.extend(holders)

    def remove(self, *holders: Holder) -> None:
        """Count these no more."""
        self._holders = [each for each in self._holders if each not in holders]

    def make(self) -> None:
        """See to it that there is room."""
        holders = sorted(self._holders, key=lambda each: each.size)
        while holders and sum(each.size for each in self._holders) > self._most:
            if not holders[-1].shrink():
                holders.pop()
            holders.sort(key=lambda each: each.size)


def measured(value: Any) -> int:
    """Give about how many characters a value of JSON has, without writing it."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(len(name) + measured(each) for name, each in value.items())
    if isinstance(value, list):
        return sum(map(measured, value))
    return 8
