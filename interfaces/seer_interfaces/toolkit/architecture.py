"""The parts of a language model, under one name each, whatever its family calls them."""

from __future__ import annotations

import inspect
from functools import cached_property
from typing import Any

import torch
from torch import nn


class Architecture:
    """A causal language model's parts; adapters may be wrapped around it.

    Known are the layouts of Llama, Mistral, Qwen 2 and 3, Gemma 2, OLMo 2, GPT-2 and GPT-NeoX, and
    with them those of the many families that share one.
    """

    def __init__(self, model: Any) -> None:
        """Find the decoder and its layers.

        Raises:
            ValueError: it is no decoder of a layout that is known.
        """
        # An adapter's class passes most attributes on, and wraps layers in place.
        self.causal = model.get_base_model() if hasattr(model, "peft_config") else model
        self.decoder: Any = self.causal.base_model
        self.layers: Any = _part(self.decoder, "layers", "h")
        self.final_norm: nn.Module = _part(self.decoder, "norm", "ln_f", "final_layer_norm")
        self.embedding: nn.Module = self.causal.get_input_embeddings()
        self.unembedding: nn.Module = self.causal.get_output_embeddings()

    @property
    def n_layers(self) -> int:
        """How many layers there are."""
        return len(self.layers)

    @cached_property
    def d_model(self) -> int:
        """The width of the residual stream."""
        return int(self.config.hidden_size)

    @cached_property
    def n_heads(self) -> int:
        """How many query heads a layer has."""
        return int(self.config.num_attention_heads)

    @cached_property
    def n_kv_heads(self) -> int:
        """How many key and value heads a layer has."""
        return int(getattr(self.config, "num_key_value_heads", None) or self.n_heads)

    @cached_property
    def d_head(self) -> int:
        """The width of a head."""
        return int(getattr(self.config, "head_dim", None) or self.d_model // self.n_heads)

    @cached_property
    def max_positions(self) -> int:
        """How many tokens it was made for."""
        return int(self.config.max_position_embeddings)

    @cached_property
    def cache_option(self) -> str:
        """What the decoder calls the cache that it reads and goes on with."""
        options = inspect.signature(self.decoder.forward).parameters
        return "cache" if "cache" in options else "past_key_values"  # until transformers 5.23

    @property
    def config(self) -> Any:
        """What transformers says of the decoder."""
        return self.decoder.config

    @property
    def has_parallel_residual(self) -> bool:
        """Whether attention and MLP read the same residual stream: there is no middle then."""
        return bool(getattr(self.config, "use_parallel_residual", False))

    def attention(self, layer: int) -> Any:
        """Give a layer's attention."""
        return _part(self.layers[layer], "self_attn", "attn", "attention")

    def attention_end(self, layer: int) -> Any:
        """Give the module whose output attention adds to the residual stream.

        That is a norm behind it where there is one (Gemma 2, OLMo 2).
        """
        if self._has_norms_behind(layer):
            return _part(self.layers[layer], "post_attention_layernorm")
        return self.attention(layer)

    def output_projection(self, layer: int) -> Any:
        """Give what attention's heads are joined by."""
        return _part(self.attention(layer), "o_proj", "c_proj", "dense")

    def mlp(self, layer: int) -> Any:
        """Give a layer's MLP."""
        return _part(self.layers[layer], "mlp")

    def mlp_end(self, layer: int) -> Any:
        """Give the module whose output the MLP adds to the residual stream."""
        if self._has_norms_behind(layer):
            return _part(self.layers[layer], "post_feedforward_layernorm")
        return self.mlp(layer)

    def middle(self, layer: int) -> Any:
        """Give the module that reads the residual stream between attention and MLP.

        Raises:
            ValueError: attention and MLP run side by side.
        """
        if self.has_parallel_residual:
            raise ValueError("this model has no resid_mid: its attention and MLP run side by side")
        if self._has_norms_behind(layer):
            return _part(self.layers[layer], "pre_feedforward_layernorm", "mlp")
        return _part(self.layers[layer], "ln_2", "post_attention_layernorm")

    def logits(self, normed: torch.Tensor) -> torch.Tensor:
        """Unembed what the final norm gives; capped where the model caps its logits."""
        logits: torch.Tensor = self.unembedding(normed)
        cap = getattr(self.config, "final_logit_softcapping", None)
        return logits if cap is None else torch.tanh(logits / cap) * cap

    def layer_numbers(self, layers: int | list[int] | str | None) -> list[int]:
        """Give layers by their numbers from 0; None and "all" are all of them.

        Raises:
            ValueError: there is no such layer, or none is named.
        """
        if layers is None or layers == "all":
            return list(range(self.n_layers))
        named = [layers] if isinstance(layers, int) else layers
        if isinstance(named, str) or not named:
            raise ValueError(f"layers={layers!r} names no layers: give numbers, or 'all'")
        for each in named:
            if not -self.n_layers <= each < self.n_layers:
                last = self.n_layers - 1
                raise ValueError(f"there is no layer {each}: they are 0 to {last}, or -1 and down")
        return [each % self.n_layers for each in named]

    def _has_norms_behind(self, layer: int) -> bool:
        return hasattr(self.layers[layer], "post_feedforward_layernorm")


def _part(whole: nn.Module, *names: str) -> Any:
    """Give the first of the parts that there is.

    Raises:
        ValueError: there is none.
    """
    for name in names:
        if hasattr(whole, name):
            return getattr(whole, name)
    raise ValueError(
        f"a {type(whole).__name__} is laid out in a way that is not known: it has no "
        f"{' or '.join(names)}"
    )
