"""Hints that are strings, one of which cannot be resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nowhere import Missing

EXAMPLES = [
    ("known", {"values": [1], "flag": True}, {"1": True}),
    ("unknown", {"value": 1}, 1),
]


@expose
def known(values: list[int], flag: bool | None = None) -> dict[int, bool | None]:
    """Have hints that can be resolved."""
    return dict.fromkeys(values, flag)


@expose
def unknown(value: Missing, values: Sequence[int] = ()) -> Missing:
    """Have hints that cannot."""
    return value
