"""Handles: what crosses the wire for a value that stays in the worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

FETCH, NORM, LIST = "ref:fetch", "ref:norm", "ref:list"
"""What can be asked of handles, under names that no function of an interface can have."""


class Handle(NamedTuple):
    """A value's number, and what can be known of it without a transfer."""

    number: int
    type_name: str
    shape: Sequence[int] | None = None
    """None where the value is no array."""

    dtype: str = ""
    device: str = ""
    nbytes: int = 0
