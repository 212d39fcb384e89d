"""The layers of a model, and what they put out, whichever release of transformers it runs with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


def find_layers(model: Any) -> Sequence[Any]:
    """Give the layers of a model, of one with an adapter too; a list of layers is given back.

    Raises:
        ValueError: it has none that can be told.
    """
    from torch.nn import Module, ModuleList

    if not isinstance(model, Module) or isinstance(model, ModuleList):
        return list(model)
    whole: Any = model
    base = whole.get_base_model() if hasattr(whole, "peft_config") else whole
    count = getattr(base.config.get_text_config(), "num_hidden_layers", None)
    for each in base.modules():
        if isinstance(each, ModuleList) and len(each) == count:
            return list(each)
    raise ValueError(
        f"the layers of a {type(base).__name__} are not to be told; give them: model.model.layers"
    )


def hidden_of(output: Any) -> Any:
    """Give the residual stream of what a layer put out."""
    return output[0] if isinstance(output, tuple) else output


@contextmanager
def hooked(layer: Any, hook: Any) -> Iterator[None]:
    """Have a forward hook on a layer for as long as the block takes."""
    handle = layer.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def inputs_for(model: Any, tokenizer: Any, text: Any, **options: Any) -> Any:
    """Give what a model reads for a text, where the model is."""
    # Decoders have no types of tokens: some refuse them, GPT-2 would add one to what it reads.
    inputs = tokenizer(text, return_tensors="pt", return_token_type_ids=False, **options)
    return inputs.to(model.device)
