"""Activations of inputs, stacked."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from seer_interfaces.toolkit.inputs import Batch, Inputs
from seer_interfaces.toolkit.interventions import Intervention
from seer_interfaces.toolkit.positions import Where, columns
from seer_interfaces.toolkit.running import run
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
