"""Scores of heads: how much each looks to where a kind of head would."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import torch

from seer_interfaces.toolkit.interventions import Intervention
from seer_interfaces.toolkit.running import run
from seer_interfaces.toolkit.sites import Visitor
from seer_interfaces.toolkit.subjects import Subject
from seer_rpc.interface import progress

HeadKind: TypeAlias = Literal["induction", "previous_token", "duplicate_token"]


def score_heads(
    subject: Subject,
    kind: HeadKind,
    once: torch.Tensor,
    interventions: Sequence[Intervention],
) -> torch.Tensor:
    """Give mean attention to where the kind looks in `once`, [input, token], and it again.

    Returns:
        [layer, head] in float32.
    """
    length = once.shape[1]
    batch = subject.batch(torch.cat([once, once], dim=1).tolist())
    queries = torch.arange(1 if kind == "previous_token" else length, 2 * length)
    back = {"induction": length - 1, "previous_token": 1, "duplicate_token": length}[kind]
    scores = torch.zeros(subject.architecture.n_layers, subject.architecture.n_heads)

    def scorer(layer: int) -> Callable[[torch.Tensor], None]:
        def score(pattern: torch.Tensor) -> None:
            looks = pattern[:, queries, :, queries - back]
            scores[layer] = looks.float().mean(dim=(0, 1))
            progress(layer + 1, len(scores))

        return score

    visitors = [Visitor("pattern", layer, scorer(layer)) for layer in range(len(scores))]
    run(subject, batch, interventions, visitors=visitors)
    return scores
