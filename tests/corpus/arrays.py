"""Numpy arrays, some of which say their dtype."""

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

EXAMPLES = [
    ("total", {"array": [1, 2, 3]}, 6.0),
    ("mean", {"array": [1.0, 3.0]}, 2.0),
    ("scale", {"array": [1.0], "by": 2.0}, 2.0),
    ("number", {}, 1.5),
]


@expose
def total(array: np.ndarray) -> float:
    """Add everything."""
    return float(array.sum())


@expose
def mean(array: npt.NDArray[np.float32]) -> float:
    """Give the mean."""
    return float(array.mean())


@expose
def scale(array: npt.NDArray[Any], by: float = 1.0) -> float:
    """Multiply."""
    return float((array * by).sum())


@expose
def zeros(shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Make an array of zeros."""
    return np.zeros(shape, "int64")


@expose
def noted(array: Annotated[np.ndarray, "batch seq"]) -> Annotated[np.ndarray, "batch"]:
    """Take an array of a certain shape."""
    return array.sum(-1)


@expose
def number() -> float:
    """Give a number of numpy's own."""
    return np.float64(1.5)
