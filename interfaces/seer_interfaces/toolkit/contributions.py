"""What parts of a model add to its residual stream, and through it to a logit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch

from seer_interfaces.toolkit.inputs import Batch
from seer_interfaces.toolkit.interventions import Intervention
from seer_interfaces.toolkit.norms import FrozenNorm
from seer_interfaces.toolkit.running import Keep, run
from seer_interfaces.toolkit.sites import Site
from seer_interfaces.toolkit.subjects import Subject

Kind = Literal["embedding", "head", "attention_bias", "mlp", "intervention", "bias"]


@dataclass
class Component:
    """What one part of the model adds to a logit, or to the difference of two.

    Attributes:
        kind: "embedding", "head", "attention_bias" (what attention adds whatever its heads do),
            "mlp", "intervention" (what interventions put into the residual stream beside these) or
            "bias" (of the final norm and the unembedding).
        layer: None for what belongs to none.
        value: In logits, before any cap. All of them add up to the logit.
    """

    kind: Kind
    layer: int | None
    head: int | None
    value: float


class _Part(NamedTuple):
    kind: Kind
    layer: int | None
    head: int | None
    written: torch.Tensor


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


def components(
    subject: Subject, batch: Batch, reader: Reader, interventions: Sequence[Intervention]
) -> list[Component]:
    """Split what is read behind the only row of a batch into parts, in the model's order."""
    numbers = range(subject.architecture.n_layers)
    sites: tuple[Site, ...] = ("resid_post", "z", "mlp_out")
    keep: list[Keep] = [("resid_pre", 0), *((site, layer) for layer in numbers for site in sites)]
    result = run(subject, batch, interventions, keep)
    kept = {place: value[0, -1] for place, value in result.kept.items()}
    stream = kept["resid_post", numbers[-1]]
    final = FrozenNorm(subject.architecture.final_norm, stream)
    parts = list(_parts(subject, kept))
    if interventions:
        written = sum(each.written.to(stream.device).float() for each in parts)
        parts.append(_Part("intervention", None, None, stream.float() - written))
    found = [
        Component(kind, layer, head, reader(final.linear(written.to(subject.device))))
        for kind, layer, head, written in parts
    ]
    return [*found, Component("bias", None, None, reader(final.bias) + reader.bias)]


def _parts(subject: Subject, kept: dict[Keep, torch.Tensor]) -> Iterator[_Part]:
    yield _Part("embedding", None, None, kept["resid_pre", 0])
    for layer in range(subject.architecture.n_layers):
        heads, bias = _head_outputs(subject, layer, kept["z", layer])
        for head, written in enumerate(heads):
            yield _Part("head", layer, head, written)
        yield _Part("attention_bias", layer, None, bias)
        yield _Part("mlp", layer, None, kept["mlp_out", layer])


def _head_outputs(
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
