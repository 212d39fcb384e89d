"""Results as plots need them: arrays of float64, and fields of whatever shape a result came in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.float64]


def field(result: Any, name: str, verb: str) -> Any:
    """Give a field of a result: of an object, or of JSON.

    Raises:
        TypeError: it is not a result of that function.
    """
    missing = object()
    is_json = isinstance(result, Mapping)
    found = result.get(name, missing) if is_json else getattr(result, name, missing)
    if found is missing:
        kind = type(result).__name__
        raise TypeError(f"a {kind} without {name!r} is not what {verb} gives")
    return found


def numbers(values: Any, *axes: str) -> Numbers:
    """Give values as an array that has these axes.

    Raises:
        TypeError: they are no numbers, a reference to such, for example.
        ValueError: they have other axes, or one of length zero.
    """
    if hasattr(values, "detach"):
        # A tensor, maybe on a GPU, of a type that numpy lacks, or one that has a gradient.
        values = values.detach().cpu().double()
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"a {type(values).__name__} holds no table of numbers: {error}; what a reference stands"
            " for has to be fetched first"
        ) from None
    shape = list(array.shape)
    if array.ndim != len(axes) or 0 in shape:
        raise ValueError(f"an array of shape {shape} is not [{', '.join(axes)}]")
    return array


def finite(values: Numbers) -> Numbers:
    """Give those that are numbers, or a zero where none is."""
    kept = values[np.isfinite(values)]
    return kept if kept.size else np.zeros(1)


def check_length(what: str, count: int, expected: int) -> None:
    """Refuse names that are more or fewer than what they name.

    Raises:
        ValueError: they are.
    """
    if count != expected:
        raise ValueError(f"{count} {what} for {expected} in the array")
