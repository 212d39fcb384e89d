"""Positions: tokens of each input, counted in the input itself, so that padding never counts."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import torch

from seer_interfaces.toolkit.inputs import Batch

Named = Literal["all", "prompt", "generated", "last"]
NAMED = get_args(Named)
Where: TypeAlias = Named | list[int]
"""Which tokens of each input: all, those of the prompt, those behind it, the prompt's last one, or
numbers in the input, negative ones from the prompt's end."""


def places(where: Where, batch: Batch) -> torch.Tensor:
    """Number the selected tokens of each row.

    Returns:
        [batch, column] integers: where in the list a position is, or which column of the prompts;
        -1 where a token is not selected, or none at all. What is named twice has its last place.

    Raises:
        ValueError: a row has no token of that number.
    """
    positions, prompts = batch.positions, batch.prompts[:, None]
    nowhere = torch.full_like(positions, -1)
    if isinstance(where, list):
        numbers = nowhere.clone()
        for place, named in enumerate(_named(where, batch).T):
            numbers[positions == named[:, None]] = place
    elif where == "generated":
        numbers = torch.where(positions >= prompts, positions - prompts, nowhere)
    elif where == "last":
        numbers = torch.where(positions == prompts - 1, 0, nowhere)
    else:
        # Columns of the prompts, which end together.
        numbers = positions + prompts.max() - prompts
        if where == "prompt":
            numbers = torch.where(positions < prompts, numbers, nowhere)
    return torch.where(batch.mask, numbers, nowhere)


def columns(where: Where, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the columns of the selected tokens of prompts, and whether there is a token at all.

    Returns:
        [batch, place] integers, and as many booleans: False at padding.

    Raises:
        ValueError: a row has no token of that number, or nothing is there to be selected.
    """
    ends = batch.width - batch.prompts[:, None]
    match where:
        case list():
            chosen = _named(where, batch) + ends
        case "last":
            chosen = torch.full_like(ends, batch.width - 1)
        case "all" | "prompt":
            every = torch.arange(batch.width, device=ends.device)
            return every.expand(len(ends), -1), batch.mask
        case _:
            raise ValueError("nothing is generated here: positions are of the inputs")
    return chosen, torch.ones_like(chosen, dtype=torch.bool)


def _named(where: list[int], batch: Batch) -> torch.Tensor:
    """Give the positions that are named, counted from each row's beginning; [batch, place]."""
    if not where:
        raise ValueError("positions=[] names none: give numbers, or 'all'")
    shortest = int(batch.prompts.min())
    for each in where:
        if not -shortest <= each < shortest:
            raise ValueError(f"there is no position {each} in an input of {shortest} tokens")
    numbers = torch.tensor(where, device=batch.prompts.device)
    return torch.where(numbers < 0, numbers + batch.prompts[:, None], numbers)
