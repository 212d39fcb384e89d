"""Curves: over layers, and over strengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps

from seer_interfaces.plots.figures import (
    COLOURS,
    MARKERS,
    MEDIUM,
    SMALL,
    Plot,
    new_plot,
    plain,
)
from seer_interfaces.plots.labels import as_it_is, shown
from seer_interfaces.plots.values import Numbers, check_length, field, finite, numbers

_LONGEST = 40


def lens_curves(
    result: Any, names: Sequence[str], *, position: int = -1, title: str | None = None
) -> Plot:
    """Draw how probable each target of a logit lens is behind each layer.

    Args:
        result: What `logit_lens` gave.
        names: Of its targets.
        position: Which of the positions.
        title: Stands above.
    """
    given = field(result, "target_logprobs", "logit_lens")
    logprobs = numbers(given, "layer", "position", "target")[:, position]
    check_length("names", len(names), logprobs.shape[1])
    layers = field(result, "layers", "logit_lens")
    curves = {shown(name): logprobs[:, number] for number, name in enumerate(names)}
    return _curves(curves, layers, "layer", "log probability (nats)", title)


def norms(
    values: Any,
    *,
    layers: Sequence[int] | None = None,
    title: str | None = None,
    label: str = "mean norm of the activations",
) -> Plot:
    """Draw how long activations, or directions, are at each layer: a curve, or several by name.

    The axis is logarithmic where they differ by more than a factor of ten.

    Args:
        values: A number for each layer; or a mapping of names to such.
        layers: The layer of each number, from 0 without it.
        title: Stands above.
        label: What the numbers are.
    """
    curves = {
        name: numbers(each, "layer") for name, each in _by_name(values, "activations").items()
    }
    longest = max(map(len, curves.values()))
    plot = _curves(curves, layers or range(longest), "layer", label, title)
    every = finite(np.concatenate(list(curves.values())))
    if every.min() > 0 and every.max() > 10 * every.min():
        plot.axes[0].set_yscale("log")
    return plot


def steering(
    strengths: Sequence[float],
    scores: Any,
    *,
    label: str = "score",
    unit: str = "steering strength",
    title: str | None = None,
) -> Plot:
    """Draw what steering does by its strength; without any is where the lines cross.

    Args:
        strengths: What the direction is multiplied with.
        scores: A number for each strength, or one for each strength and sample, of which the mean
            and its standard error are drawn; or a mapping of names (layers, say) to such.
        label: What the numbers are.
        unit: What the strengths are, in units of what.
        title: Stands above.
    """
    curves, errors = {}, {}
    for name, given in _by_name(scores, "steered").items():
        is_single = np.ndim(given) == 1
        samples = numbers(given, *("strength", "sample")[: 1 if is_single else 2])
        curves[name], errors[name] = _mean(samples.reshape(len(samples), -1))
    plot = _curves(curves, strengths, unit, label, title, errors)
    (axes,) = plot.axes
    axes.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    return plot


def _by_name(values: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(values, Mapping):
        return {name: values}
    if not values:
        raise ValueError("there is nothing to draw")
    return {str(key): each for key, each in values.items()}


def _mean(samples: Numbers) -> tuple[Numbers, Numbers]:
    """Give the mean of each row's numbers and its standard error; NaN where there is none."""
    known = np.isfinite(samples)
    count = known.sum(axis=1)
    some = np.where(count > 0, count, np.nan)
    mean = np.where(known, samples, 0).sum(axis=1) / some
    squares = np.where(known, (samples - mean[:, None]) ** 2, 0).sum(axis=1)
    spread = np.sqrt(squares / np.maximum(count - 1, 1))
    return mean, np.where(count > 1, spread / np.sqrt(some), 0)


def _curves(
    curves: Mapping[str, Numbers],
    places: Sequence[float],
    along: str,
    label: str,
    title: str | None,
    errors: Mapping[str, Numbers] | None = None,
) -> Plot:
    plot = new_plot(5.2, 3.2, title)
    axes = plot.subplots()
    at = numbers(places, "place")
    order = np.argsort(at, kind="stable")
    lines: list[Any] = []
    for number, (name, values) in enumerate(curves.items()):
        check_length("numbers", len(values), len(at))
        style = _style(number, len(curves))
        shown_values = np.where(np.isfinite(values), values, np.nan)[order]
        lines += axes.plot(at[order], shown_values, **style)
        if errors is not None:
            error = errors[name][order]
            band = (shown_values - error, shown_values + error)
            axes.fill_between(at[order], *band, color=style["color"], alpha=0.2, linewidth=0)
    plain(axes)
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    as_it_is(axes.set_xlabel(along, fontsize=MEDIUM))
    as_it_is(axes.set_ylabel(label, fontsize=MEDIUM))
    if len(curves) > 1:
        _add_legend(axes, lines, list(curves))
    return plot


def _style(number: int, count: int) -> dict[str, Any]:
    is_few = count <= len(COLOURS)
    colour = COLOURS[number] if is_few else colormaps["viridis"](number / (count - 1) * 0.92)
    marker = MARKERS[number % len(MARKERS)]
    return {"color": colour, "marker": marker, "markersize": 3.2, "linewidth": 1.4}


def _add_legend(axes: Any, lines: Sequence[Any], names: Sequence[str]) -> None:
    is_few = len(names) <= len(COLOURS)
    where = {} if is_few else {"loc": "upper left", "bbox_to_anchor": (1, 1)}
    short = [name[:_LONGEST] for name in names]
    legend = axes.legend(
        lines, short, fontsize=SMALL, frameon=False, ncols=-(-len(names) // 18), **where
    )
    for text in legend.get_texts():
        as_it_is(text)
