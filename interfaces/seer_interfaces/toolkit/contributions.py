"""What parts of a model add to its residual stream, and through it to a logit."""

from __future__ import annotations

import torch

from seer_interfaces.toolkit.norms import FrozenNorm
from seer_interfaces.toolkit.subjects import Subject


class Reader:
    """Reads a logit, or the difference of two, from what the final norm gives."""

    def __init__(self, subject: Subject, answer: str, wrong: str | None) -> None:
        tokens = [subject.token(answer)] + ([] if wrong is None else [subject.token(wrong)])
        unembedding = subject.architecture.unembedding
        weight: torch.Tensor = unembedding.weight[tokens].float()  # type: ignore[index]
        self._direction = weight[0] - weight[1:].sum(dim=0)
        bias = getattr(unembedding, "bias", None)
        chosen = torch.zeros(len(tokens)) if bias is None else bias[tokens].float()
        self.bias = float(chosen[0] - chosen[1:].sum())

    def __call__(self, normed: torch.Tensor) -> float:
        """Give what this part adds."""
        return float(normed.float() @ self._direction)


def head_outputs(
    subject: Subject, layer: int, z: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give what each head adds to the residual stream at one position, and attention without any.

    `z` is [head, d_head]; the results are [head, d_model] and [d_model].
    """
    parts = subject.architecture
    project = parts.output_projection(layer)
    heads = len(z)
    alone = torch.diag_embed(torch.ones(heads, device=z.device, dtype=z.dtype))[..., None] * z
    # As a function, adapters included: what it gives for nothing is its bias.
    bias = project(torch.zeros_like(z).reshape(1, 1, -1))[0, 0]
    outputs = project(alone.reshape(heads, 1, -1))[:, 0] - bias
    end = parts.attention_end(layer)
    if end is parts.attention(layer):
        return outputs, bias
    frozen = FrozenNorm(end, project(z.reshape(1, 1, -1))[0, 0])
    return frozen.linear(outputs), frozen.linear(bias) + frozen.bias
