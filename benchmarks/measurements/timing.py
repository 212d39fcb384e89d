"""Clocks."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any


def seconds_of(action: Callable[[], Any]) -> float:
    """Time an action once."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def times_of(action: Callable[[], Any], repeats: int, budget: float) -> list[float]:
    """Time an action `repeats` times, fewer where that takes longer than `budget` seconds."""
    times: list[float] = []
    while not times or (len(times) < repeats and sum(times) < budget):
        times.append(seconds_of(action))
    return times


def median_of(action: Callable[[], Any], repeats: int, budget: float) -> float:
    """Give the median time of an action, in seconds."""
    return statistics.median(times_of(action, repeats, budget))
