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

_OURS, _YARDSTICK, _PEER, _MUST = "#0b7285", "#868e96", "#ced4da", "#e8590c"
_TEXT, _FAINT = "#212529", "#868e96"
_COLUMNS = 3
_WIDTH, _BAR, _PANEL, _HEAD = 17.0, 0.27, 0.85, 1.0
"""In inches."""

_LOG_FROM = 12.0
_ROOM_FOR_LABELS = 1.2


class _Bar(NamedTuple):
    name: str
    value: float
    colour: str


class _Panel(NamedTuple):
    row: Row
    bars: list[_Bar]
    must: float | None
    """The value at which the target is met."""


def draw(all_figures: Mapping[str, Figures], machine: Machine, file: Path) -> None:
    """Draw the chart of a run into a PNG file."""
    # The development environment does without it.
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    panels = [_panel(row, found) for row, found in rows_of(all_figures)]
    panels = [panel for panel in panels if len(panel.bars) > 1]
    lines = [panels[i : i + _COLUMNS] for i in range(0, len(panels), _COLUMNS)] or [[]]
    depths = [max((len(panel.bars) for panel in line), default=1) for line in lines]
    heights = [_PANEL + _BAR * depth for depth in depths]
    layout = ConstrainedLayoutEngine(hspace=0.04, wspace=0.03)
    figure = Figure(figsize=(_WIDTH, sum(heights) + _HEAD), layout=layout)
    grid = figure.subplots(
        len(lines), _COLUMNS, squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for axes in grid.flat:
        axes.set_axis_off()
    for line, places, depth in zip(lines, grid, depths, strict=True):
        for panel, axes in zip(line, places, strict=False):
            _draw_panel(axes, panel, depth)
    _draw_head(figure, machine)
    figure.savefig(file, dpi=130)


def _panel(row: Row, found: Figures) -> _Panel:
    """Give the bars of a row, the best on top."""
    colours = {Source(name, row.ours.figure): _PEER for name in row.others}
    if row.yardstick is not None:
        colours[row.yardstick] = _YARDSTICK
    colours[row.ours] = _OURS
    bars = [
        _Bar(_label(source, row), median, colours[source])
        for source, median in found.medians(colours).items()
    ]
    best_on_top = sorted(bars, key=lambda bar: bar.value, reverse=row.lower_is_better)
    return _Panel(row, best_on_top, _must(row, found))


def _must(row: Row, found: Figures) -> float | None:
    yardstick = 1.0 if row.yardstick is None else found.median(row.yardstick)
    if row.target is None or yardstick is None:
        return None
    return row.target.must * yardstick


def _label(source: Source, row: Row) -> str:
    return source.contender if source == row.ours else name_of(source, row)


def _draw_panel(axes: Any, panel: _Panel, depth: int) -> None:
    axes.set_axis_on()
    bars, row = panel.bars, panel.row
    values = [bar.value for bar in bars]
    colours = [bar.colour for bar in bars]
    drawn = axes.barh(range(len(bars)), values, color=colours, height=0.74, zorder=2)
    # White behind them: the line of the target may run through.
    text = {"fontsize": 9, "color": _TEXT, "zorder": 4}
    text["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.9}
    axes.bar_label(drawn, list(map(number, values)), padding=5, **text)
    axes.spines["left"].set(color=_PEER, bounds=(-0.5, len(bars) - 0.5))
    # Bars of one thickness, whatever the neighbours have.
    axes.set_ylim(len(bars) - depth - 0.5, len(bars) - 0.5)
    axes.set_yticks(range(len(bars)), [bar.name for bar in bars], fontsize=9.5, color=_TEXT)
    for tick, bar in zip(axes.get_yticklabels(), bars, strict=True):
        if bar.colour == _OURS:
            tick.set(color=_OURS, fontweight="bold")
    _scale(axes, [*values, *([panel.must] if panel.must is not None else [])])
    if panel.must is not None:
        line = {"color": _MUST, "linewidth": 1.4, "linestyle": (0, (3, 2)), "zorder": 3}
        axes.plot([panel.must] * 2, [-0.5, len(bars) - 0.5], **line)
    _draw_title(axes, row)


def _draw_title(axes: Any, row: Row) -> None:
    better = "less is better" if row.lower_is_better else "more is better"
    scale = ", logarithmic" if axes.get_xscale() == "log" else ""
    axes.set_title(row.label, loc="left", fontsize=11, fontweight="bold", color=_TEXT, pad=17)
    place = {"transform": axes.transAxes, "va": "bottom", "fontsize": 9, "color": _FAINT}
    axes.text(0, 1.01, f"{row.unit}{scale}; {better}", **place)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(length=0, which="both")
    axes.set_xticks([], minor=True)
    axes.set_xticks([])


def _scale(axes: Any, values: list[float]) -> None:
    """Leave room for the labels; values that are far apart need a logarithmic scale."""
    lowest, highest = min(values), max(values)
    if lowest <= 0 or highest / lowest < _LOG_FROM:
        axes.set_xlim(0, highest * _ROOM_FOR_LABELS)
        return
    start = 10 ** math.floor(math.log10(lowest * 0.5))
    axes.set_xscale("log")
    axes.set_xlim(start, start * (highest / start) ** _ROOM_FOR_LABELS)


def _draw_head(figure: Any, machine: Machine) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    figure.suptitle(
        f"seer_rpc beside its peers\n{machine}", x=0.01, ha="left", fontsize=14, color=_TEXT
    )
    marks = [
        Patch(color=_OURS, label="seer_rpc"),
        Patch(color=_YARDSTICK, label="the yardstick"),
        Patch(color=_PEER, label="peers"),
        Line2D([], [], color=_MUST, linestyle=(0, (3, 2)), label="where the target is met"),
    ]
    place = {"loc": "upper right", "bbox_to_anchor": (0.995, 0.997), "ncols": len(marks)}
    figure.legend(handles=marks, frameon=False, fontsize=11, labelcolor=_TEXT, **place)
