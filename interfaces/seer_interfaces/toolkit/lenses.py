"""Lenses: what a residual stream would say if it were the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from seer_interfaces.toolkit.inputs import Batch
from seer_interfaces.toolkit.interventions import Intervention
from seer_interfaces.toolkit.positions import Where, columns
from seer_interfaces.toolkit.running import Keep, run
from seer_interfaces.toolkit.subjects import Subject


@dataclass
class Lens:
    """What each layer's residual stream would say if it were the last.

    Attributes:
        layers: The layer of each row.
        tokens: The token that is read at each position.
        top: The most probable next tokens, by layer and position.
        top_logprobs: Their log probabilities in nats, [layer, position, k].
        target_logprobs: Those of the targets, [layer, position, target].
    """

    layers: list[int]
    tokens: list[str]
    top: list[list[list[str]]]
    top_logprobs: torch.Tensor
    target_logprobs: torch.Tensor


def read_streams(
    subject: Subject,
    batch: Batch,
    layers: int | list[int] | None,
    positions: Where,
    top_k: int,
    targets: Sequence[str],
    interventions: Sequence[Intervention],
) -> Lens:
    """Unembed the residual stream behind each layer, for the only row of a batch."""
    chosen = columns(positions, batch)[0][0]
    numbers = subject.architecture.layer_numbers(layers)
    wanted = torch.tensor([subject.token(each) for each in targets], dtype=torch.long)
    keep: list[Keep] = [("resid_post", layer) for layer in numbers]
    kept = run(subject, batch, interventions, keep).kept
    best, values, looked_up = [], [], []
    for place in keep:
        logprobs = _unembedded(subject, kept[place][0, chosen.to(kept[place].device)])
        top = logprobs.topk(min(top_k, logprobs.shape[-1]))
        best.append([subject.words(row) for row in top.indices.tolist()])
        values.append(top.values)
        looked_up.append(logprobs[:, wanted])
    tokens = subject.words(batch.ids[0, chosen].tolist())
    return Lens(numbers, tokens, best, torch.stack(values), torch.stack(looked_up))


def _unembedded(subject: Subject, hidden: torch.Tensor) -> torch.Tensor:
    """Give log probabilities, [position, token]."""
    parts = subject.architecture
    logits = parts.logits(parts.final_norm(hidden.to(subject.device))).float()
    return logits.log_softmax(dim=-1).cpu()
