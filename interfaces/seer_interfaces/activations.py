"""Look inside a language model: activations at any site, their means and differences, attention.

Serves the one model that its sandbox is configured with. Sites have TransformerLens' names. What is
large stays in the sandbox (`keep=True`), and is what `Intervention.value` takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from seer_interfaces import toolkit
from seer_interfaces.toolkit import Inputs, Intervention, Site, Subject, Where
from seer_rpc.interface import TensorRef, expose, progress

Each = TypeVar("Each")

toolkit.prepare()


@dataclass
class MeanDifference:
    """How the activations of two sets of inputs differ.

    Attributes:
        direction: mean(positive) - mean(negative), [layer, d_model] in float32: what steering adds.
        norms: Its length at each layer.
        activation_norms: How long activations there are, on average: what to measure a strength by.
        cosines: The cosine between the two means at each layer.
    """

    direction: TensorRef
    norms: list[float]
    activation_norms: list[float]
    cosines: list[float]


@expose(read_only=True)
@torch.no_grad()
def extract(
    inputs: Inputs,
    layers: int | list[int] | None = None,
    site: Site = "resid_post",
    positions: Where = "last",
    keep: bool = False,
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
) -> torch.Tensor | TensorRef:
    """Give activations in float32.

    Args:
        inputs: Texts, or chats; they run as one batch.
        layers: From 0, negative ones from the last; all without it.
        site: Where in the layer. For "pattern" there is `attention`.
        positions: "last" token of each input, "all" (or "prompt"), or numbers in each input,
            negative ones from its end.
        keep: Whether they stay in the sandbox, and a reference is given.
        interventions: Changes to the model while it reads; activations are those after them.
        adapter: Another adapter than the one in use ("default" and so on); "base" is none.

    Returns:
        [layer, batch, unit] with positions="last", else [layer, batch, position, unit]. A unit is
        [d_model], for q, k, v and z [head, d_head]. Inputs of different lengths end together: where
        a shorter one has nothing there are zeros, before it.
    """
    with toolkit.subject().using(adapter) as subject:
        values = toolkit.extract(subject, inputs, layers, site, positions, interventions)
    return TensorRef(values) if keep else values


@expose(read_only=True)
@torch.no_grad()
def extract_dataset(
    texts: list[str],
    layers: int | list[int] | None = None,
    site: Site = "resid_post",
    positions: Where = "last",
    batch_size: int = 16,
    keep: bool = True,
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
) -> torch.Tensor | TensorRef:
    """Give activations of many texts in float32, batch by batch, with progress.

    Args:
        texts: Any number.
        layers: From 0, negative ones from the last; all without it.
        site: Where in the layer.
        positions: "last" token of each text, or numbers in each text.
        batch_size: How many run together.
        keep: Whether they stay in the sandbox, and a reference is given.
        interventions: Changes to the model while it reads; activations are those after them.
        adapter: Another adapter than the one in use ("default" and so on); "base" is none.

    Returns:
        [layer, text, unit] with positions="last", else [layer, text, position, unit].
    """
    if isinstance(positions, str) and positions != "last":
        raise ValueError("texts have different lengths: positions are 'last' or numbers")
    with toolkit.subject().using(adapter) as subject:
        parts = [
            toolkit.extract(subject, list(batch), layers, site, positions, interventions).cpu()
            for batch in _batches(texts, batch_size)
        ]
    values = torch.cat(parts, dim=1)
    return TensorRef(values) if keep else values


@expose(read_only=True)
@torch.no_grad()
def mean(
    inputs: Inputs,
    layers: int | list[int] | None = None,
    site: Site = "resid_post",
    positions: Where = "all",
    batch_size: int = 16,
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
) -> TensorRef:
    """Give the mean activation over inputs and positions: what mean ablation sets.

    Args:
        inputs: Texts, or chats.
        layers: From 0, negative ones from the last; all without it.
        site: Where in the layer.
        positions: Over which tokens; each token counts the same, padding does not count.
        batch_size: How many run together.
        interventions: Changes to the model while it reads; activations are those after them.
        adapter: Another adapter than the one in use ("default" and so on); "base" is none.

    Returns:
        [layer, unit] in float32, which stays in the sandbox.
    """
    gathering = _Gathering(layers, site, positions, batch_size, interventions)
    with toolkit.subject().using(adapter) as subject:
        return TensorRef(gathering.mean(subject, inputs)[0])


@expose(read_only=True)
@torch.no_grad()
def mean_difference(
    positive: Inputs,
    negative: Inputs,
    layers: int | list[int] | None = None,
    site: Site = "resid_post",
    positions: Where = "last",
    batch_size: int = 16,
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
) -> MeanDifference:
    """Give the direction from negative to positive inputs at each layer: a steering vector.

    Args:
        positive: Texts or chats that have what the direction is to stand for.
        negative: Such that lack it, and are alike otherwise.
        layers: From 0, negative ones from the last; all without it.
        site: Where in the layer; one without heads.
        positions: Over which tokens.
        batch_size: How many run together.
        interventions: Changes to the model while it reads; activations are those after them.
        adapter: Another adapter than the one in use ("default" and so on); "base" is none.
    """
    if site in toolkit.HEAD_SITES:
        raise ValueError(f"{site} has heads; take the difference of two means instead")
    gathering = _Gathering(layers, site, positions, batch_size, interventions)
    with toolkit.subject().using(adapter) as subject:
        ups, up_norms = gathering.mean(subject, positive)
        downs, down_norms = gathering.mean(subject, negative)
    direction = ups - downs
    return MeanDifference(
        TensorRef(direction),
        direction.norm(dim=-1).tolist(),
        ((up_norms + down_norms) / 2).tolist(),
        torch.cosine_similarity(ups, downs, dim=-1).tolist(),
    )


@expose(read_only=True)
@torch.no_grad()
def attention(
    inputs: Inputs,
    layers: int | list[int] | None = None,
    heads: list[int] | None = None,
    keep: bool = False,
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
) -> torch.Tensor | TensorRef:
    """Give attention patterns: what each token (query) takes from which (key).

    Args:
        inputs: Texts, or chats; they run as one batch.
        layers: From 0, negative ones from the last; all without it.
        heads: From 0; all without it.
        keep: Whether they stay in the sandbox, and a reference is given.
        interventions: Changes to the model while it reads.
        adapter: Another adapter than the one in use ("default" and so on); "base" is none.

    Returns:
        [layer, batch, head, query, key] in float32. The row of a token adds up to 1. Shorter inputs
        end with the longest: the rows and columns of padding, before them, are zeros.
    """
    with toolkit.subject().using(adapter) as subject:
        patterns = toolkit.extract_patterns(subject, inputs, layers, heads, interventions)
    return TensorRef(patterns) if keep else patterns


@expose(read_only=True)
def similarity(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Give the cosine between vectors, tensors or references to such.

    Args:
        a: [..., d].
        b: The same shape, or one that broadcasts with it.

    Returns:
        [...] in float32.
    """
    if a.shape[-1:] != b.shape[-1:]:
        raise ValueError(f"vectors of shapes {list(a.shape)} and {list(b.shape)} do not match")
    return torch.cosine_similarity(a.float(), b.float().to(a.device), dim=-1)


@dataclass
class _Gathering:
    """Of what means are taken."""

    layers: int | list[int] | None
    site: Site
    positions: Where
    batch_size: int
    interventions: Sequence[Intervention]

    def mean(self, subject: Subject, inputs: Inputs) -> tuple[torch.Tensor, torch.Tensor]:
        """Give the mean of activations, [layer, unit], and that of their norms, [layer, ...]."""
        sums: list[torch.Tensor] = []
        norms: list[torch.Tensor] = []
        count = 0
        for prompts in _batches(toolkit.prompts_of(inputs), self.batch_size):
            batch = subject.encode(prompts)  # type: ignore[arg-type]
            values, chosen = toolkit.extract_places(
                subject, batch, self.layers, self.site, self.positions, self.interventions
            )
            # In float64: many small numbers are added.
            flat = values[:, chosen].double()
            sums.append(flat.sum(dim=1))
            norms.append(flat.norm(dim=-1).sum(dim=1))
            count += flat.shape[1]
        total, lengths = torch.stack(sums).sum(dim=0), torch.stack(norms).sum(dim=0)
        return (total / count).float(), (lengths / count).float()


def _batches(items: Sequence[Each], size: int) -> Iterator[Sequence[Each]]:
    """Give items in batches; tells callers how many are done."""
    if size < 1:
        raise ValueError("batch_size is at least 1")
    if not items:
        raise ValueError("there is no input")
    for start in range(0, len(items), size):
        yield items[start : start + size]
        progress(min(start + size, len(items)), len(items))
