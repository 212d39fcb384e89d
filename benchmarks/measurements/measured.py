"""What a measurement gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from benchmarks.effort import Effort


class Measured(NamedTuple):
    """Figures by name, and what a reader must know about them."""

    figures: dict[str, float]
    remarks: Sequence[str] = ()


Measurement: TypeAlias = Callable[[str, Effort], Measured]
"""Takes a contender's name."""


class NotMeasuredError(Exception):
    """There is nothing to measure here; says why."""
