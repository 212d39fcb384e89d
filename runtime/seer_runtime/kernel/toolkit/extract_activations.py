"""Read a model's residual stream."""

from __future__ import annotations

from typing import Any

from seer_runtime.kernel.layers import find_layers, hidden_of, hooked, inputs_for


def extract_activation(
    model: Any, tokenizer: Any, text: str, layer: int, position: int | None = None
) -> Any:
    """Give the residual stream behind a layer.

    Args:
        model: A model, with an adapter or without.
        tokenizer: Its tokenizer.
        text: What the model reads.
        layer: Which layer, from 0; negative ones count from the last.
        position: Which token's, negative ones counting from the last; None for all of them.

    Returns:
        A tensor of shape [hidden size], or [positions, hidden size].
    """
    import torch

    kept: list[Any] = []

    def keep(_: Any, __: Any, output: Any) -> None:
        kept.append(hidden_of(output).detach())

    with hooked(find_layers(model)[layer], keep), torch.no_grad():
        model(**inputs_for(model, tokenizer, text))
    return kept[0][0] if position is None else kept[0][0, position]


def get_layer_activations(model: Any, tokenizer: Any, text: str, layer: int) -> Any:
    """Give the residual stream of the last token behind a layer: a tensor of [hidden size]."""
    return extract_activation(model, tokenizer, text, layer, position=-1)
