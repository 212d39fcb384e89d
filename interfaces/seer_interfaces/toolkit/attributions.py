"""Attributions: what each token of an input contributes to a logit, by gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch

from seer_interfaces.toolkit.inputs import Batch
from seer_interfaces.toolkit.interventions import Intervention
from seer_interfaces.toolkit.paths import Point, integrate
from seer_interfaces.toolkit.running import last_logits, run
from seer_interfaces.toolkit.subjects import Subject

Method: TypeAlias = Literal["grad_x_input", "integrated_gradients"]


@dataclass
class TokenAttribution:
    """How much each token of an input contributes to what comes next.

    Attributes:
        values: One for each token; a contribution to the target's logit.
        score: The target's logit.
        baseline: What it is for an input of the baseline alone.
        gap: score - baseline - sum(values). Near 0 where `integrated_gradients` took enough steps.
    """

    tokens: list[str]
    values: list[float]
    score: float
    baseline: float
    gap: float


class Way:
    """The straight way from an input of nothing to an input."""

    def __init__(
        self,
        subject: Subject,
        batch: Batch,
        target: int,
        nothing: int,
        interventions: Sequence[Intervention],
    ) -> None:
        """Begin where each token is `nothing`."""
        self._subject, self._batch, self._target = subject, batch, target
        self._interventions = interventions
        self._embed = subject.architecture.embedding
        self._start = self._embed(torch.full_like(batch.ids, nothing)).detach()
        self._way = self._embed(batch.ids).detach() - self._start

    def attribute(self, method: Method, steps: int) -> TokenAttribution:
        """Give what each token contributes, with `steps` passes on the way at most."""
        lowest, score = self._point(0.0), self._point(1.0)
        slopes = score.slopes
        if method == "integrated_gradients":
            slopes = integrate(self._point, lowest, score, steps)
        gap = score.logit - lowest.logit - float(slopes.sum())
        tokens = self._subject.words(self._batch.row(0))
        return TokenAttribution(tokens, slopes.tolist(), score.logit, lowest.logit, gap)

    def _point(self, at: float) -> Point:
        point = (self._start + at * self._way).requires_grad_()
        with torch.enable_grad():
            handle = self._embed.register_forward_hook(lambda _, __, ___: point)
            try:
                result = run(self._subject, self._batch, self._interventions)
            finally:
                handle.remove()
            logit = last_logits(self._subject, result)[0, self._target]
            (gradient,) = torch.autograd.grad(logit, point)
        return Point(at, float(logit.detach()), (gradient * self._way).float().sum(dim=-1)[0])
