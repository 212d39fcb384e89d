"""What the toolkit's numbers have to be, computed with plain transformers and arithmetic.

Each reference is a function of a model and token ids, [batch, position] without padding; other
libraries can stand in for these here.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

import torch


@torch.no_grad()
def logits(model: Any, ids: torch.Tensor) -> torch.Tensor:
    """Give [batch, position, token]."""
    result: torch.Tensor = model(ids).logits
    return result


@torch.no_grad()
def sites(model: Any, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    """Give each site, [layer, batch, position, unit]; patterns [layer, batch, head, query, key]."""
    # Patterns are only to be had of eager attention, and the model itself stays as it is.
    eager = copy.deepcopy(model)
    eager.set_attn_implementation("eager")
    output = eager(ids, output_hidden_states=True, output_attentions=True)
    states, patterns = output.hidden_states, output.attentions
    found: dict[str, list[torch.Tensor]] = {}
    for number, (layer, before) in enumerate(zip(layers(eager), states[:-1], strict=True)):
        parts = _layer(model.config, layer, before, patterns[number])
        is_last = number == len(states) - 2
        # What transformers calls the last hidden state has gone through the final norm.
        parts["resid_post"] = parts["sum"] if is_last else states[number + 1]
        parts["resid_pre"], parts["pattern"] = before, patterns[number]
        for name, value in parts.items():
            found.setdefault(name, []).append(value)
        assert torch.allclose(parts["sum"], parts["resid_post"], atol=1e-5)
    return {name: torch.stack(values) for name, values in found.items()}


@contextmanager
def changed(
    model: Any, layer: int, change: Callable[[torch.Tensor], torch.Tensor]
) -> Iterator[None]:
    """Change what a layer gives, in every pass; layers of earlier releases give tuples."""

    def hook(_: Any, __: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (change(output[0]), *output[1:])
        return change(output)

    handle = layers(model)[layer].register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def layers(model: Any) -> Any:
    """Give the list of layers, by each family's own way to them."""
    paths = {"gpt2": "transformer.h", "gpt_neox": "gpt_neox.layers"}
    return attrgetter(paths.get(model.config.model_type, "model.layers"))(model)


def _layer(
    config: Any, layer: Any, before: torch.Tensor, pattern: torch.Tensor
) -> dict[str, torch.Tensor]:
    kind = config.model_type
    heads = pattern.shape[1]
    if kind == "gpt2":
        normed = layer.ln_1(before)
        fused = normed @ layer.attn.c_attn.weight + layer.attn.c_attn.bias
        q, k, v = (_split(each, heads) for each in fused.split(before.shape[-1], dim=-1))
        project = layer.attn.c_proj
    elif kind == "gpt_neox":
        fused = _split(layer.attention.query_key_value(layer.input_layernorm(before)), heads)
        width = fused.shape[-1] // 3
        q, k, v = fused[..., :width], fused[..., width : 2 * width], fused[..., 2 * width :]
        project = layer.attention.dense
    else:
        normed = before if kind == "olmo2" else layer.input_layernorm(before)
        kv_heads = config.num_key_value_heads
        q = _split(layer.self_attn.q_proj(normed), heads)
        k = _split(layer.self_attn.k_proj(normed), kv_heads)
        v = _split(layer.self_attn.v_proj(normed), kv_heads)
        project = layer.self_attn.o_proj
    shared = v.repeat_interleave(heads // v.shape[2], dim=2)
    z = torch.einsum("bhqk,bkhd->bqhd", pattern, shared)
    attn_out = project(z.flatten(2))
    found = {"q": q, "k": k, "v": v, "z": z}
    if kind == "gpt_neox":
        mlp_out = layer.mlp(layer.post_attention_layernorm(before))
        return {
            **found,
            "attn_out": attn_out,
            "mlp_out": mlp_out,
            "sum": before + attn_out + mlp_out,
        }
    if kind in ("gemma2", "olmo2"):
        attn_out = layer.post_attention_layernorm(attn_out)
    middle = before + attn_out
    if kind == "gemma2":
        mlp_out = layer.post_feedforward_layernorm(
            layer.mlp(layer.pre_feedforward_layernorm(middle))
        )
    elif kind == "olmo2":
        mlp_out = layer.post_feedforward_layernorm(layer.mlp(middle))
    else:
        norm = layer.ln_2 if kind == "gpt2" else layer.post_attention_layernorm
        mlp_out = layer.mlp(norm(middle))
    found |= {"resid_mid": middle, "attn_out": attn_out, "mlp_out": mlp_out}
    return {**found, "sum": middle + mlp_out}


def _split(fused: torch.Tensor, heads: int) -> torch.Tensor:
    return fused.reshape(*fused.shape[:-1], heads, -1)
