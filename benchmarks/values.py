"""What crosses: one small value, the items of a stream, arrays with a last element to look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = np.ndarray[Any, Any]
else:
    # Peers that have no use for numpy start without it.
    Array = Any

VALUE: dict[str, Any] = {
    "text": "a small dict",
    "layer": 20,
    "strength": 1.5,
    "tokens": [1, 2, 3],
    "chat": True,
    "none": None,
    "name": "x" * 32,
    "scores": [0.25, 0.5],
}

LAST = 7.0
"""The last element of every array that is carried."""

ELEMENT = 4
"""Bytes of a float32."""


def items(count: int) -> Iterator[dict[str, Any]]:
    """Give small items, as a model that generates would."""
    for number in range(count):
        yield {"token": number, "text": "word", "logprob": -0.5}


def make_array(count: int) -> Array:
    """Make an array of float32, every page of it touched."""
    import numpy as np

    array = np.ones(count, np.float32)
    array[-1] = LAST
    return array
