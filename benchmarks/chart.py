"""A chart: one panel for each row that has peers, a bar for each of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.figures import Figures
from benchmarks.machine import Machine
from benchmarks.report import name_of, number, rows_of
from benchmarks.rows import Row, Source

_OURS, _YARDSTICK, _PEER = "#0b7285", "#868e96", "#ced4da"
_TEXT, _FAINT = "#212529", "#868e96"
_COLUMNS = 2
_BAR = 0.3
_PANEL = 1.0
_LOG_FROM = 15.0


class _Bar(NamedTuple):
    name: str
    value: float
    colour: str


def draw(all_figures: Mapping[str, Figures], machine: Machine, file: Path) -> None:
    """Draw the chart of a run into a PNG file."""
    # The development environment does without it.
    from matplotlib.figure import Figure

    panels = [(row, _bars(row, found)) for row, found in rows_of(all_figures)]
    panels = [(row, bars) for row, bars in panels if len(bars) > 1]
    pairs = [panels[i : i + _COLUMNS] for i in range(0, len(panels), _COLUMNS)]
    heights = [_PANEL + _BAR * max(len(bars) for _, bars in pair) for pair in pairs]
    figure = Figure(figsize=(13, sum(heights) + 1), layout="constrained")
    grid = figure.subplots(
        max(1, len(pairs)),
        _COLUMNS,
        squeeze=False,
        gridspec_kw={"height_ratios": heights or [1]},
    )
    for axes in grid.flat:
        axes.set_axis_off()
    for pair, line in zip(pairs, grid, strict=False):
        for (row, bars), axes in zip(pair, line, strict=False):
            _draw_panel(axes, row, bars)
    figure.suptitle(
        f"seer_rpc beside its peers\n{machine}", x=0.01, ha="left", fontsize=13, color=_TEXT
    )
    figure.get_layout_engine().set(hspace=0.06, wspace=0.04)
    figure.savefig(file, dpi=150)


def _bars(row: Row, found: Figures) -> list[_Bar]:
    """Give the bars of a row, the best on top."""
    names = {row.ours: _OURS}
    if row.yardstick is not None:
        names[row.yardstick] = _YARDSTICK
    names |= {Source(name, row.ours.figure): _PEER for name in row.others}
    bars = [
        _Bar(_label(source, row), median, colour)
        for source, colour in names.items()
        if (median := found.median(source)) is not None
    ]
    return sorted(bars, key=lambda bar: bar.value, reverse=row.lower_is_better)


def _label(source: Source, row: Row) -> str:
    return source.contender if source == row.ours else name_of(source, row)


def _draw_panel(axes: Any, row: Row, bars: list[_Bar]) -> None:
    axes.set_axis_on()
    values = [bar.value for bar in bars]
    drawn = axes.barh(
        range(len(bars)), values, color=[bar.colour for bar in bars], height=0.72, zorder=2
    )
    labels = [f"{number(value)} {row.unit}" for value in values]
    axes.bar_label(drawn, labels, padding=4, fontsize=8.5, color=_TEXT)
    _scale(axes, values)
    axes.set_yticks(range(len(bars)), [bar.name for bar in bars], fontsize=9)
    for tick, bar in zip(axes.get_yticklabels(), bars, strict=True):
        is_ours = bar.colour == _OURS
        tick.set_fontweight("bold" if is_ours else "normal")
        tick.set_color(_OURS if is_ours else _TEXT)
    better = "less is better" if row.lower_is_better else "more is better"
    scale = ", logarithmic" if axes.get_xscale() == "log" else ""
    axes.set_title(row.label, loc="left", fontsize=11, fontweight="bold", color=_TEXT, pad=16)
    axes.text(
        0,
        1.02,
        f"{row.unit}{scale}; {better}",
        transform=axes.transAxes,
        fontsize=8.5,
        color=_FAINT,
        va="bottom",
    )
    _tidy(axes)


def _scale(axes: Any, values: list[float]) -> None:
    """Leave room for the labels; far apart values need a logarithmic scale."""
    lowest, highest = min(values), max(values)
    if lowest <= 0 or highest / lowest < _LOG_FROM:
        axes.set_xlim(0, highest * 1.25)
        return
    axes.set_xscale("log")
    start = 10 ** math.floor(math.log10(lowest * 0.7))
    axes.set_xlim(start, highest * (highest / start) ** 0.25)


def _tidy(axes: Any) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_PEER)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", which="both", labelsize=8, colors=_FAINT, length=0)
    axes.grid(axis="x", color="#f1f3f5", zorder=0)
