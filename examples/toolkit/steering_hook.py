"""Activation steering by a forward hook."""

from contextlib import contextmanager

import torch


@contextmanager
def steering_hook(model, layer_idx, vector, strength=1.0):
    """Add a vector to the residual stream behind a layer, within a block."""

    def hook(module, inputs, output):
        hidden = output[0] if isinstance(output, tuple) else output
        steered = hidden + strength * vector.to(hidden)
        return (steered, *output[1:]) if isinstance(output, tuple) else steered

    handle = layers_of(model)[layer_idx].register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def layers_of(model):
    """Give the layers of a model, whether it has an adapter or not."""
    inner = model.get_base_model() if hasattr(model, "peft_config") else model
    layers = inner.model.layers
    assert isinstance(layers, torch.nn.ModuleList)
    return layers


create_steering_hook = steering_hook
