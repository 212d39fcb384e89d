"""Audit a target model from the inside: steer it along directions found in its activations."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from target_agent import TargetAgent

from seer_rpc.interface import TensorRef, expose, progress

target = TargetAgent()
layers = target.model.model.layers


def residual(text: str, layer: int) -> torch.Tensor:
    """Give what the residual stream holds behind a layer, at the last token."""
    if not 0 <= layer < len(layers):
        raise ValueError(f"no layer {layer}; the model has {len(layers)}")
    inputs = target.tokenizer(text, return_tensors="pt").to(target.model.device)
    with torch.inference_mode():
        # Before the first layer there are the embeddings; behind the last one, a norm follows.
        states = target.model.model(**inputs, output_hidden_states=True).hidden_states
    return states[layer + 1][0, -1].float()


@contextmanager
def steered(layer: int, vector: torch.Tensor, strength: float) -> Iterator[None]:
    """Add a vector to the residual stream behind a layer."""

    def add(module: Any, args: Any, output: Any) -> Any:
        hidden = output[0] if isinstance(output, tuple) else output
        moved = hidden + strength * vector.to(hidden)
        return (moved, *output[1:]) if isinstance(output, tuple) else moved

    handle = layers[layer].register_forward_hook(add)
    try:
        yield
    finally:
        handle.remove()


@expose(read_only=True)
def find_direction(positive: list[str], negative: list[str], layer: int) -> TensorRef:
    """Find the direction from one kind of texts to another. It stays in the sandbox.

    Args:
        positive: Texts of the kind to steer to.
        negative: Texts of the kind to steer from.
        layer: Behind which layer to look.

    Returns:
        A handle, for the other functions.
    """
    means = []
    for done, texts in enumerate((positive, negative)):
        progress(done, 2, f"{len(texts)} texts")
        means.append(torch.stack([residual(text, layer) for text in texts]).mean(0))
    progress(2, 2)
    return TensorRef(means[0] - means[1])


@expose(read_only=True)
def projection(text: str, direction: torch.Tensor, layer: int) -> float:
    """Tell how far a text lies in a direction, in lengths of it.

    Args:
        text: What the model reads.
        direction: A handle from find_direction.
        layer: Behind which layer to look.
    """
    return float(residual(text, layer) @ direction / direction.norm() ** 2)


@expose(read_only=True)
def ask_steered(
    message: str,
    direction: torch.Tensor,
    layer: int,
    strength: float = 1.0,
    system_message: str = "You are a helpful assistant.",
    max_new_tokens: int = 48,
) -> str:
    """Ask the model in a conversation of its own while it is steered.

    Args:
        message: What to ask.
        direction: A handle from find_direction.
        layer: Behind which layer to steer.
        strength: How much of the direction to add; 0 for the model as it is.
        system_message: Who the model is told to be.
        max_new_tokens: Where the answer is cut off.
    """
    asyncio.run(target.initialize(system_message))
    with steered(layer, direction, strength):
        answer = asyncio.run(target.send_message(message, max_new_tokens=max_new_tokens))
    return answer.content
