"""Attention patterns: what each token takes from which, one square for each head."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import Normalize

from seer_interfaces.plots.figures import MEDIUM, SMALL, Plot, add_bar, colours, new_plot
from seer_interfaces.plots.labels import as_it_is, name_ticks, tokens_shown
from seer_interfaces.plots.values import Numbers, finite, numbers

_MOST = 4
"""How many patterns stand side by side."""


def attention(
    pattern: Any,
    tokens: Sequence[str],
    *,
    heads: Sequence[int | str] | None = None,
    title: str | None = None,
) -> Plot:
    """Draw attention patterns of one input.

    Args:
        pattern: [head, query, key] or [query, key]: of what `attention` gave, `patterns[layer,
            input]`. Where an input is shorter than others of its batch, the last rows and columns
            are its own.
        tokens: The input's tokens.
        heads: A number or name for each pattern, from 0 without it.
        title: Stands above.
    """
    is_single = getattr(pattern, "ndim", None) == 2 or np.ndim(pattern) == 2
    patterns = numbers([pattern] if is_single else pattern, "head", "query", "key")
    count = len(tokens)
    if not 0 < count <= min(patterns.shape[1:]):
        raise ValueError(f"{count} tokens for a pattern of shape {list(patterns.shape[1:])}")
    patterns = patterns[:, -count:, -count:]
    names = list(range(len(patterns))) if heads is None else list(heads)
    if len(names) != len(patterns):
        raise ValueError(f"{len(names)} heads for {len(patterns)} patterns")
    return _draw(patterns, tokens_shown(tokens), [] if is_single and not heads else names, title)


def _draw(
    patterns: Numbers, tokens: Sequence[str], names: Sequence[int | str], title: str | None
) -> Plot:
    columns = _columns(len(patterns))
    rows = math.ceil(len(patterns) / columns)
    side = min(max(len(tokens) * 0.14, 1.5), 7.0 if columns == 1 else 3.4)
    plot = new_plot(columns * (side + 0.15) + 1.6, rows * (side + 0.3) + 1.0, title)
    places = list(plot.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    # One scale for all of them; a long text's attention is thin everywhere.
    scale = Normalize(0, float(finite(patterns).max()) or 1.0)
    images = [_square(place, each, scale) for place, each in zip(places, patterns, strict=False)]
    for place in places[len(patterns) :]:
        place.set_visible(False)
    name_ticks(places[0].xaxis, tokens, side)
    name_ticks(places[0].yaxis, tokens, side)
    for number, place in enumerate(places[: len(patterns)]):
        if names:
            as_it_is(place.set_title(_head(names[number]), fontsize=SMALL + 0.5))
        _label(place, number % columns == 0, number + columns >= len(patterns))
    add_bar(plot, images[0], "attention", *places[: len(patterns)])
    return plot


def _columns(count: int) -> int:
    """Say how many stand side by side, so that the last row is as full as can be."""
    choices = range(min(count, _MOST), 0 if count < 3 else 2, -1)
    return min(choices, key=lambda columns: -count % columns)


def _square(place: Any, pattern: Numbers, scale: Normalize) -> Any:
    cells = np.ma.masked_invalid(pattern)
    image = place.imshow(cells, cmap=colours("Blues"), norm=scale)
    place.spines[:].set_color("0.7")
    return image


def _head(name: int | str) -> str:
    return f"head {name}" if isinstance(name, int) else name


def _label(place: Any, is_leftmost: bool, is_lowest: bool) -> None:
    place.tick_params(length=2, labelsize=SMALL - 0.5, labelbottom=is_lowest)
    place.tick_params(axis="x", labelrotation=90)
    place.set_xlabel("key" if is_lowest else "", fontsize=MEDIUM)
    place.set_ylabel("query" if is_leftmost else "", fontsize=MEDIUM)
