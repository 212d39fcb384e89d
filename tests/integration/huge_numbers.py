"""Values of any size that tell whether they came whole: each number in them is its own place."""

import os

import numpy as np

from seer_rpc.interface import expose

_PART = 1 << 20
"""Numbers that are looked at together: to look costs next to no memory."""


@expose
def make(size: int) -> np.ndarray:
    """Give so many bytes of numbers."""
    return np.arange(size // 8, dtype=np.uint64)


@expose
def is_whole(values: np.ndarray, size: int) -> bool:
    """Tell whether this is what `make` gives."""
    return values.nbytes == size and all(
        np.array_equal(part, np.arange(start, start + len(part), dtype=np.uint64))
        for start in range(0, len(values), _PART)
        for part in [values[start : start + _PART]]
    )


@expose
def processes() -> list[int]:
    """Give the front and the worker."""
    return [os.getppid(), os.getpid()]
