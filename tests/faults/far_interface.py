"""What is called over a slow wire: much at a time, and little beside it."""

import asyncio
import time

import numpy as np

from seer_rpc.interface import expose, progress

_PERIOD = 0.1
"""Seconds between reports."""

_ends: dict[int, float] = {}


@expose(concurrent=True)
def make(size: int) -> np.ndarray:
    """Give so many bytes of numbers, each its own place."""
    return np.arange(size // 8)


@expose(concurrent=True)
def is_whole(values: np.ndarray, size: int) -> bool:
    """Tell whether this is what `make` gives."""
    return np.array_equal(values, make(size))


@expose(concurrent=True)
def echo(value: int) -> int:
    """Give the value itself."""
    return value


@expose(concurrent=True)
async def report(seconds: float) -> None:
    """Report the time, as progress, again and again."""
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        progress(now)
        await asyncio.sleep(_PERIOD)


@expose(concurrent=True)
async def nap(number: int, seconds: float) -> int:
    """Sleep, keep in mind when that ended, and give the number."""
    try:
        await asyncio.sleep(seconds)
    finally:
        _ends[number] = time.monotonic()
    return number


@expose(concurrent=True)
def ends() -> dict[int, float]:
    """Give when each nap ended."""
    return _ends
