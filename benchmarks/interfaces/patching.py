"""The toolkit, and beside its grid the same by one call for each cell."""

from __future__ import annotations

import torch

from seer_interfaces import activations, causal, toolkit
from seer_interfaces.toolkit import Visitor
from seer_interfaces.toolkit.pairs import Pair, patch_of
from seer_rpc.interface import expose

__all__ = ["activations", "causal"]

_prepared: dict[str, tuple[Pair, dict[toolkit.Keep, torch.Tensor]]] = {}


@expose
@torch.no_grad()
def prepare(clean: str, corrupt: str, answer: str, wrong: str) -> None:
    """Keep what is patched: the residual streams of the clean prompt."""
    subject = toolkit.subject()
    pair = Pair(subject, clean, corrupt, answer, wrong)
    keep: list[toolkit.Keep] = [
        ("resid_post", layer) for layer in range(subject.architecture.n_layers)
    ]
    _prepared["pair"] = pair, toolkit.run(subject, pair.clean, keep=keep).kept


@expose
@torch.no_grad()
def cell(layer: int, position: int) -> float:
    """Give the difference of the two logits with one patch."""
    pair, kept = _prepared["pair"]
    place: toolkit.Keep = ("resid_post", layer)
    patch = Visitor(*place, patch_of(kept[place], range(position, position + 1), "position"))
    result = toolkit.run(toolkit.subject(), pair.corrupt, visitors=[patch])
    return pair.difference(result.normed)
