"""Sites: the places in a model where tensors are read and changed, by TransformerLens' names.

| site | what it is | as `extract` and interventions see it |
| --- | --- | --- |
| `resid_pre` | the residual stream before a layer | [batch, position, d_model] |
| `resid_mid` | between its attention and its MLP | [batch, position, d_model] |
| `resid_post` | behind a layer | [batch, position, d_model] |
| `attn_out`, `mlp_out` | what attention or MLP adds to the stream | [batch, position, d_model] |
| `q` | queries, before norms and rotation | [batch, position, head, d_head] |
| `k`, `v` | keys and values, the same | [batch, position, kv head, d_head] |
| `z` | what each head gives, before they are joined | [batch, position, head, d_head] |
| `pattern` | what attends (query) to what (key) | [batch, query, head, key] |

`hidden_states[i]` of transformers is `resid_pre` of layer i, but for the last one: that is the
final norm of the last `resid_post`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from seer_interfaces.toolkit.architecture import Architecture
from seer_interfaces.toolkit.outputs import hidden_of, with_hidden
from seer_interfaces.toolkit.patterns import Visit, visit_pattern, with_patterns

Site = Literal[
    "resid_pre",
    "resid_mid",
    "resid_post",
    "attn_out",
    "mlp_out",
    "q",
    "k",
    "v",
    "z",
    "pattern",
]
HEAD_SITES = ("q", "k", "v", "z", "pattern")
"""Those that have a dimension of heads."""


class Visitor(NamedTuple):
    """What sees a site of a layer in every forward pass, and may change it."""

    site: Site
    layer: int
    visit: Visit


class _Tap(NamedTuple):
    """Where a site is: the input or the output of a module, as a whole or a part of it."""

    module: nn.Module
    is_input: bool = False
    part: Callable[[torch.Tensor], torch.Tensor] = lambda whole: whole
    """Gives a view of the site in the tensor."""


@contextmanager
def visiting(architecture: Architecture, visitors: Iterable[Visitor]) -> Iterator[None]:
    """Let visitors see and change their sites in forward passes, in their order.

    Raises:
        ValueError: the model has no such site.
    """
    with ExitStack() as stack:
        patterns = False
        for site, layer, visit in visitors:
            if site == "pattern":
                patterns = True
                stack.enter_context(visit_pattern(architecture.attention(layer), _by_query(visit)))
            else:
                handle = _hook(_tap(architecture, site, layer), visit)
                stack.callback(handle.remove)
        if patterns:
            stack.enter_context(with_patterns(architecture))
        yield


def heads_of(architecture: Architecture, site: Site) -> int:
    """Give how many heads a site has."""
    return architecture.n_kv_heads if site in ("k", "v") else architecture.n_heads


def _by_query(visit: Visit) -> Visit:
    """Show a pattern with its queries where others have their positions."""

    def see(pattern: torch.Tensor) -> torch.Tensor | None:
        changed = visit(pattern.transpose(1, 2))
        return None if changed is None else changed.transpose(1, 2)

    return see


def _tap(architecture: Architecture, site: Site, layer: int) -> _Tap:
    match site:
        case "resid_pre":
            return _Tap(architecture.layers[layer], is_input=True)
        case "resid_mid":
            return _Tap(architecture.middle(layer), is_input=True)
        case "resid_post":
            return _Tap(architecture.layers[layer])
        case "attn_out":
            return _Tap(architecture.attention_end(layer))
        case "mlp_out":
            return _Tap(architecture.mlp_end(layer))
        case "z":
            projection = architecture.output_projection(layer)
            return _Tap(projection, is_input=True, part=_heads(architecture.n_heads))
        case "q" | "k" | "v":
            return _projection(architecture, site, layer)
    raise ValueError(f"there is no site {site!r}")


def _projection(architecture: Architecture, part: Literal["q", "k", "v"], layer: int) -> _Tap:
    attention = architecture.attention(layer)
    heads, index = heads_of(architecture, part), "qkv".index(part)
    if hasattr(attention, f"{part}_proj"):
        return _Tap(getattr(attention, f"{part}_proj"), part=_heads(heads))
    if hasattr(attention, "c_attn"):
        # All queries, then all keys, then all values.
        return _Tap(attention.c_attn, part=lambda whole: _heads(heads)(_third(whole, index)))
    if hasattr(attention, "query_key_value"):
        # Query, key and value of a head, then those of the next.
        return _Tap(
            attention.query_key_value, part=lambda whole: _third(_heads(heads)(whole), index)
        )
    raise ValueError(f"{type(attention).__name__} has no {part} of its own")


def _third(whole: torch.Tensor, index: int) -> torch.Tensor:
    width = whole.shape[-1] // 3
    return whole.narrow(-1, index * width, width)


def _heads(heads: int) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda whole: whole.view(*whole.shape[:-1], heads, -1)


def _hook(tap: _Tap, visit: Visit) -> Any:
    """Hook the visit to its module; what it changes is a tensor of its own, never in place."""

    def seen(whole: torch.Tensor) -> torch.Tensor | None:
        changed = visit(tap.part(whole))
        if changed is None:
            return None
        rebuilt = whole.clone()
        tap.part(rebuilt).copy_(changed)
        return rebuilt

    def on_input(_: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if args:
            changed = seen(args[0])
            return None if changed is None else ((changed, *args[1:]), kwargs)
        changed = seen(kwargs["hidden_states"])
        return None if changed is None else (args, {**kwargs, "hidden_states": changed})

    def on_output(_: object, __: object, output: Any) -> Any:
        changed = seen(hidden_of(output))
        return None if changed is None else with_hidden(output, changed)

    if tap.is_input:
        return tap.module.register_forward_pre_hook(on_input, with_kwargs=True)
    return tap.module.register_forward_hook(on_output)
