"""Probabilities: what may come behind an input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from seer_interfaces.toolkit.inputs import Batch
from seer_interfaces.toolkit.interventions import Intervention
from seer_interfaces.toolkit.running import last_logits, run, token_logprobs
from seer_interfaces.toolkit.subjects import Subject


@dataclass
class TokenProbability:
    """A token that may come next.

    Attributes:
        logprob: Its log probability, in nats.
    """

    text: str
    token: int
    logprob: float


@dataclass
class NextTokens:
    """What may come behind an input.

    Attributes:
        top: The most probable tokens, the most probable first.
        targets: The log probability (nats) of each of the targets as a continuation, all of its
            tokens.
        entropy: The entropy of the whole distribution, in nats.
    """

    top: list[TokenProbability]
    targets: list[float]
    entropy: float


def next_tokens(
    subject: Subject,
    batch: Batch,
    targets: Sequence[str],
    top_k: int,
    interventions: Sequence[Intervention],
) -> list[NextTokens]:
    """Give what the model finds probable behind each row."""
    after = last_logits(subject, run(subject, batch, interventions))
    distributions = after.log_softmax(dim=-1)
    columns = [_continued(subject, batch, distributions, each, interventions) for each in targets]
    return [
        NextTokens(
            _most_probable(subject, distribution, top_k),
            [column[row] for column in columns],
            float(torch.special.entr(distribution.exp()).sum()),
        )
        for row, distribution in enumerate(distributions)
    ]


def _continued(
    subject: Subject,
    batch: Batch,
    distributions: torch.Tensor,
    target: str,
    interventions: Sequence[Intervention],
) -> list[float]:
    """Give the log probability of a continuation behind each row."""
    ids: list[int] = subject.tokenizer(target, add_special_tokens=False)["input_ids"]
    if not ids:
        raise ValueError(f"the target {target!r} has no tokens")
    first: list[float] = distributions[:, ids[0]].tolist()
    if len(ids) == 1:
        return first
    longer = subject.batch([batch.row(index) + ids for index in range(len(batch.ids))])
    longer.prompts = batch.prompts
    taken = token_logprobs(subject, longer, interventions)[:, -len(ids) :]
    sums: list[float] = taken.sum(dim=1).tolist()
    return sums


def _most_probable(
    subject: Subject, distribution: torch.Tensor, top_k: int
) -> list[TokenProbability]:
    best = distribution.topk(min(top_k, len(distribution)))
    ids = best.indices.tolist()
    return [
        TokenProbability(text, token, logprob)
        for text, token, logprob in zip(subject.words(ids), ids, best.values.tolist(), strict=True)
    ]
