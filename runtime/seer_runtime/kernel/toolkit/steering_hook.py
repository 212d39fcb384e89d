"""Steer a model: add a vector to its residual stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from seer_runtime.kernel.layers import find_layers, hidden_of, hooked


@contextmanager
def steering_hook(model: Any, layer_idx: int, vector: Any, strength: float = 1.0) -> Iterator[None]:
    """Add a vector to the residual stream behind a layer, at every position, within a block.

    Args:
        model: A model, with an adapter or without; or a list of its layers.
        layer_idx: Which layer, from 0; negative ones count from the last.
        vector: As wide as the residual stream.
        strength: What it is multiplied with.
    """

    def add(_: Any, __: Any, output: Any) -> Any:
        hidden = hidden_of(output)
        steered = hidden + strength * vector.to(device=hidden.device, dtype=hidden.dtype)
        return (steered, *output[1:]) if isinstance(output, tuple) else steered

    with hooked(find_layers(model)[layer_idx], add):
        yield


create_steering_hook = steering_hook
