"""Norms with their scale frozen: what makes of them something linear, for direct attribution.

LayerNorm is weight * (x - mean(x)) * s + bias, RMSNorm weight * x * s, where s is one number at
each position. With s held where it is, both are linear in x but for the bias.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class FrozenNorm:
    """A norm whose scale is that of one input."""

    def __init__(self, norm: Any, hidden: torch.Tensor) -> None:
        """Freeze `norm` at `hidden`, [..., d_model]."""
        self._is_centred = isinstance(norm, nn.LayerNorm)
        epsilon: float = norm.eps if hasattr(norm, "eps") else norm.variance_epsilon
        wide = self._centred(hidden.float())
        self._scale = (wide.pow(2).mean(dim=-1, keepdim=True) + epsilon).rsqrt()
        self._weight = self._weight_of(norm, hidden)
        bias = getattr(norm, "bias", None)
        self.bias = torch.zeros_like(self._weight) if bias is None else bias.float()

    def linear(self, part: torch.Tensor) -> torch.Tensor:
        """Give what a part of the input becomes, without the bias."""
        return self._centred(part.float()) * self._scale.to(part.device) * self._weight

    def _centred(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden - hidden.mean(dim=-1, keepdim=True) if self._is_centred else hidden

    def _weight_of(self, norm: Any, hidden: torch.Tensor) -> torch.Tensor:
        weight: torch.Tensor = norm.weight.float()
        if self._is_centred:
            return weight
        # Gemma's weights are one less than what they do; what a norm makes of ones tells.
        large = torch.full((len(weight),), 1e4, dtype=torch.float32, device=weight.device)
        made: torch.Tensor = norm(large.to(hidden.dtype)).float()
        return made
