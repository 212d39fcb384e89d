"""Small calls, arrays and streams."""

from __future__ import annotations

import builtins
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.values import LAST, Array, items
from seer_rpc.interface import expose

prepared: list[Array] = []


@expose
def echo(value: dict) -> dict:  # type: ignore[type-arg]
    """Give the value back."""
    return value


@expose
def pause(seconds: float) -> None:
    """Take some time."""
    time.sleep(seconds)


@expose
def take(array: np.ndarray[Any, Any]) -> float:
    """Give the last element."""
    return float(array[-1])


@expose
def prepare(count: int) -> None:
    """Make the array that `give` gives."""
    array = np.ones(count, np.float32)
    array[-1] = LAST
    prepared[:] = [array]


@expose
def give() -> np.ndarray[Any, Any]:
    """Give the array that was prepared."""
    return prepared[0]


@expose
def stream(count: int) -> Iterator[dict]:  # type: ignore[type-arg]
    """Stream small items."""
    yield from items(count)


@expose
def has_empty() -> bool:
    """Tell whether interfaces can make arrays in shared memory."""
    return hasattr(builtins, "empty")


@expose
def give_empty(count: int) -> Any:
    """Give a tensor that was made where the caller finds it."""
    import torch

    tensor = getattr(builtins, "empty")((count,), torch.float32)  # noqa: B009
    tensor[-1] = LAST
    return tensor
