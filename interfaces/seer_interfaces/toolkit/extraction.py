"""Activations of inputs, stacked."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from seer_interfaces.toolkit.inputs import Batch, Inputs
from seer_interfaces.toolkit.interventions import Intervention
from seer_interfaces.toolkit.positions import Where, columns
from seer_interfaces.toolkit.running import Keep, run
from seer_interfaces.toolkit.sites import Site
from seer_interfaces.toolkit.subjects import Subject


def extract(
    subject: Subject,
    inputs: Inputs,
    layers: int | list[int] | None,
    site: Site,
    positions: Where,
    interventions: Sequence[Intervention] = (),
) -> torch.Tensor:
    """Give activations of inputs that run as one batch, in float32.

    Returns:
        [layer, batch, unit] with positions="last", else [layer, batch, position, unit], with zeros
        where a row has no token.

    Raises:
        ValueError: there is no such site, layer or position.
    """
    values, chosen = extract_places(
        subject, subject.encode(inputs), layers, site, positions, interventions
    )
    if positions == "last":
        return values[:, :, 0]
    return values.masked_fill(~chosen.reshape(1, *chosen.shape, *[1] * (values.ndim - 3)), 0)


def extract_places(
    subject: Subject,
    batch: Batch,
    layers: int | list[int] | None,
    site: Site,
    positions: Where,
    interventions: Sequence[Intervention] = (),
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give what is at the selected positions, and where there is something.

    Returns:
        [layer, batch, position, unit] in float32, and [batch, position] booleans.
    """
    if site == "pattern":
        raise ValueError("patterns have two positions: attention() gives them")
    numbers = subject.architecture.layer_numbers(layers)
    order, chosen = columns(positions, batch)
    keepers = [(site, layer) for layer in numbers]
    result = run(subject, batch, interventions, keepers)
    rows = torch.arange(len(order), device=order.device)[:, None]
    kept = [result.kept[each].to(subject.device)[rows, order].float() for each in keepers]
    return torch.stack(kept), chosen


def extract_patterns(
    subject: Subject,
    inputs: Inputs,
    layers: int | list[int] | None,
    heads: list[int] | None,
    interventions: Sequence[Intervention] = (),
) -> torch.Tensor:
    """Give attention patterns of inputs that run as one batch.

    Returns:
        [layer, batch, head, query, key] in float32, with zeros where a row has no token.

    Raises:
        ValueError: there is no such layer or head.
    """
    numbers = subject.architecture.layer_numbers(layers)
    chosen = list(range(subject.architecture.n_heads)) if heads is None else heads
    for each in chosen:
        if not 0 <= each < subject.architecture.n_heads:
            last = subject.architecture.n_heads - 1
            raise ValueError(f"there is no head {each}: they are 0 to {last}")
    batch = subject.encode(inputs)
    keepers: list[Keep] = [("pattern", layer) for layer in numbers]
    result = run(subject, batch, interventions, keepers)
    stacked = torch.stack([result.kept["pattern", layer].to(subject.device) for layer in numbers])
    patterns = stacked.float().transpose(2, 3)[:, :, chosen]
    # A row of padding attends to something, which means nothing.
    return patterns.masked_fill(~batch.mask[None, :, None, :, None], 0)
