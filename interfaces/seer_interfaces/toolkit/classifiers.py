"""Linear classifiers of activations, and how well they do."""

from __future__ import annotations

from typing import NamedTuple

import torch


class Classifier(NamedTuple):
    """Says yes where direction . x + bias > 0."""

    direction: torch.Tensor
    bias: float

    def scores(self, values: torch.Tensor) -> torch.Tensor:
        """Give direction . x + bias for each row of [n, d]."""
        direction = self.direction.to(values.device)
        return values.double() @ direction.double() + self.bias


def mean_difference(positive: torch.Tensor, negative: torch.Tensor) -> Classifier:
    """Divide [n, d] and [m, d] half-way between their means."""
    ups, downs = positive.double().mean(dim=0), negative.double().mean(dim=0)
    direction = ups - downs
    return Classifier(direction.float(), float(-direction @ (ups + downs) / 2))


def logistic(positive: torch.Tensor, negative: torch.Tensor, penalty: float) -> Classifier:
    """Fit a logistic regression: mean loss + penalty / 2 |w|^2, on standardised values.

    The classes weigh the same, however many there are of each. Deterministic:
    L-BFGS from zero, in float64.
    """
    values = torch.cat([positive, negative]).double()
    mean, spread = values.mean(dim=0), values.std(dim=0).clamp(min=1e-8)
    scaled = (values - mean) / spread
    labels = torch.cat([torch.ones(len(positive)), torch.zeros(len(negative))]).to(scaled)
    weights = torch.where(labels == 1, 0.5 / len(positive), 0.5 / len(negative))
    fitted = torch.zeros(scaled.shape[1] + 1, dtype=scaled.dtype, device=scaled.device)
    fitted.requires_grad_()
    optimizer = torch.optim.LBFGS([fitted], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        scores = scaled @ fitted[:-1] + fitted[-1]
        losses = torch.nn.functional.binary_cross_entropy_with_logits(
            scores, labels, weights, reduction="sum"
        )
        total: torch.Tensor = losses + penalty / 2 * fitted[:-1].square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    with torch.enable_grad():
        optimizer.step(loss)  # type: ignore[no-untyped-call]
    direction = fitted[:-1].detach() / spread
    return Classifier(direction.float(), float(fitted[-1].detach() - direction @ mean))


def auroc(positive: torch.Tensor, negative: torch.Tensor) -> float:
    """Give how probably a positive score is above a negative one; ties count half."""
    above = (positive[:, None] > negative[None]).double().mean()
    ties = (positive[:, None] == negative[None]).double().mean()
    return float(above + ties / 2)
