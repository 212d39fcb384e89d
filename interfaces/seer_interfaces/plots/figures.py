"""The figures that plots are drawn in, and the colours."""

from __future__ import annotations

import io
from typing import Any

from matplotlib import colormaps
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from seer_interfaces.plots.labels import as_it_is

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Of Okabe and Ito: the colour-blind tell them apart."""

MARKERS = "osD^vPX"
SMALL, MEDIUM = 7.0, 8.5
"""Sizes of text, in points."""

MISSING = "#bdbdbd"


class Plot(Figure):
    """A figure that notebooks show by themselves, whether pyplot is there or not."""

    def _repr_png_(self) -> bytes:
        content = io.BytesIO()
        self.savefig(content, format="png", bbox_inches="tight")
        return content.getvalue()


def new_plot(width: float, height: float, title: str | None) -> Plot:
    """Make a figure of a size in inches."""
    plot = Plot(figsize=(width, height), dpi=160, layout="constrained", facecolor="white")
    if title:
        as_it_is(plot.suptitle(title, fontsize=MEDIUM + 1.5))
    return plot


def colours(name: str) -> Colormap:
    """Give a colour map that shows what is missing in grey."""
    return colormaps[name].with_extremes(bad=MISSING)


def add_bar(plot: Plot, image: Any, label: str, *places: Any) -> None:
    """Say beside these places what the colours mean."""
    height = max(place.get_position().height for place in places) * plot.get_figheight()
    bar = plot.colorbar(image, ax=list(places), pad=0.015, fraction=0.05, aspect=height * 7)
    bar.set_label(label, fontsize=MEDIUM)
    as_it_is(bar.ax.yaxis.label)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)


def plain(axes: Any) -> None:
    """Take away the frame's upper and right lines, and what is too large."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=SMALL)
