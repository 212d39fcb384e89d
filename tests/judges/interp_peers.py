"""nnsight and TransformerLens' bridge, each with its own way to a model's sites."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import nnsight
import torch
from nnsight import TransformersModel
from transformer_lens.model_bridge import TransformerBridge

from tests.toolkit import references

Change = Callable[[torch.Tensor], torch.Tensor]


class Peer(Protocol):
    """A library that reads and changes what goes on in a model."""

    sites: ClassVar[tuple[str, ...]]

    def __init__(self, model: Any, tokenizer: Any) -> None: ...

    def logits(self, ids: torch.Tensor) -> torch.Tensor: ...

    def site(self, ids: torch.Tensor, site: str) -> torch.Tensor:
        """Give [layer, batch, position, unit]; patterns [layer, batch, head, query, key]."""

    def changed(self, ids: torch.Tensor, site: str, layer: int, change: Change) -> torch.Tensor:
        """Give the logits with a change of what is at a site."""


def _own(model: Any) -> Any:
    """Copy a model: peers wrap its modules. Patterns are only to be had of eager attention."""
    model = copy.deepcopy(model)
    model.set_attn_implementation("eager")
    return model


class NNsight:
    """Traces: its sites are inputs and outputs of modules, which have other names in each family.

    Queries, keys and values are modules of their own in some families alone: they are left out.
    """

    sites: ClassVar[tuple[str, ...]] = (
        "resid_pre",
        "resid_post",
        "attn_out",
        "mlp_out",
        "z",
        "pattern",
    )

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = TransformersModel(_own(model), tokenizer=tokenizer)
        self._kind = model.config.model_type
        self._layers = references.layers(self._model)
        self._heads = model.config.num_attention_heads

    def logits(self, ids: torch.Tensor) -> torch.Tensor:
        with torch.no_grad(), self._model.trace(ids):
            saved = self._model.output.logits.save()
        logits: torch.Tensor = saved
        return logits

    def site(self, ids: torch.Tensor, site: str) -> torch.Tensor:
        with torch.no_grad(), self._model.trace(ids):
            found = nnsight.save([self._read(layer, site) for layer in self._layers])
        values = torch.stack(list(found))
        return _by_head(values, self._heads) if site == "z" else values

    def changed(self, ids: torch.Tensor, site: str, layer: int, change: Change) -> torch.Tensor:
        place = self._layers[layer]
        with torch.no_grad(), self._model.trace(ids):
            if site == "z":
                module = self._projection(place)
                module.input = change(_by_head(module.input, self._heads)).flatten(-2)
            else:
                place.output = _with(place.output, change(_first(place.output)))
            saved = self._model.output.logits.save()
        logits: torch.Tensor = saved
        return logits

    def _read(self, layer: Any, site: str) -> Any:
        match site:
            case "resid_pre":
                return layer.input
            case "resid_post":
                return _first(layer.output)
            case "pattern":
                return self._attention(layer).output[1]
            case "z":
                return self._projection(layer).input
        behind = {"attn_out": "post_attention_layernorm", "mlp_out": "post_feedforward_layernorm"}
        if self._kind in ("gemma2", "olmo2"):
            return getattr(layer, behind[site]).output
        return layer.mlp.output if site == "mlp_out" else _first(self._attention(layer).output)

    def _attention(self, layer: Any) -> Any:
        names = {"gpt2": "attn", "gpt_neox": "attention"}
        return getattr(layer, names.get(self._kind, "self_attn"))

    def _projection(self, layer: Any) -> Any:
        names = {"gpt2": "c_proj", "gpt_neox": "dense"}
        return getattr(self._attention(layer), names.get(self._kind, "o_proj"))


class Bridge:
    """TransformerLens' bridge, whose names of sites are the toolkit's."""

    sites: ClassVar[tuple[str, ...]] = (
        *("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"),
        *("q", "k", "v", "z", "pattern"),
    )

    def __init__(self, model: Any, tokenizer: Any) -> None:
        own = _own(model)
        own.config.architectures = [type(own).__name__]
        self.model = TransformerBridge.boot_transformers(
            tokenizer.name_or_path, hf_model=own, tokenizer=tokenizer
        )

    def logits(self, ids: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            logits: torch.Tensor = self.model(ids)
        return logits

    def site(self, ids: torch.Tensor, site: str) -> torch.Tensor:
        _, cache = self.cached(ids)
        return torch.stack([cache[_hook(site, layer)] for layer in range(self.model.cfg.n_layers)])

    def changed(self, ids: torch.Tensor, site: str, layer: int, change: Change) -> torch.Tensor:
        hooks = [(_hook(site, layer), lambda value, hook: change(value))]
        with torch.no_grad():
            logits: torch.Tensor = self.model.run_with_hooks(ids, fwd_hooks=hooks)
        return logits

    def cached(self, ids: torch.Tensor) -> tuple[torch.Tensor, Any]:
        """Give the logits, and all that its hooks saw."""
        with torch.no_grad():
            logits, cache = self.model.run_with_cache(ids)
        return logits, cache


PEERS: dict[str, type[Peer]] = {"nnsight": NNsight, "bridge": Bridge}


def _by_head(joined: Any, heads: int) -> torch.Tensor:
    values: torch.Tensor = joined.reshape(*joined.shape[:-1], heads, -1)
    return values


def _hook(site: str, layer: int) -> str:
    within = "attn." if site in ("q", "k", "v", "z", "pattern") else ""
    return f"blocks.{layer}.{within}hook_{site}"


def _first(output: Any) -> Any:
    return output[0] if isinstance(output, tuple) else output


def _with(output: Any, hidden: Any) -> Any:
    return (hidden, *output[1:]) if isinstance(output, tuple) else hidden
