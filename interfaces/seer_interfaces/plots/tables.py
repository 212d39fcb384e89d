"""Tables in colours: what there is by layer, and by position or head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import LogNorm, Normalize

from seer_interfaces.plots.figures import MEDIUM, SMALL, Plot, add_bar, colours, new_plot
from seer_interfaces.plots.labels import as_it_is, name_ticks, shown, tokens_shown
from seer_interfaces.plots.values import Numbers, check_length, field, finite, numbers

_WIDEST, _TALLEST = 15.0, 11.0
_WORD, _LETTERS = 0.62, 9
"""How wide a cell with a word in it is, in inches and in letters."""


def lens(result: Any, *, target: int | None = None, title: str | None = None) -> Plot:
    """Draw a logit lens: what each layer would say at each position.

    Each cell says the most probable token, where there is room for that.

    Args:
        result: What `logit_lens` gave.
        target: Colours are the log probabilities of this one of the targets, by its number;
            without it the probabilities of the tokens in the cells.
        title: Stands above.
    """
    tokens = field(result, "tokens", "logit_lens")
    if target is None:
        logprobs = numbers(field(result, "top_logprobs", "logit_lens"), "layer", "position", "k")
        values, label = np.exp(logprobs[..., 0]), "probability of the token"
        scale, palette = Normalize(0, 1), "Blues"
    else:
        given = field(result, "target_logprobs", "logit_lens")
        values = numbers(given, "layer", "position", "target")[..., target]
        label, palette = "log probability of the target (nats)", "viridis"
        scale = Normalize(finite(values).min(), 0)
    table = _Table(values, field(result, "layers", "logit_lens"), tokens, title, _WORD)
    table.draw(palette, scale, label, "position")
    if len(tokens) * _WORD <= _WIDEST:
        top = field(result, "top", "logit_lens")
        table.fill([[shown(best[0], _LETTERS) if best else "" for best in row] for row in top])
    return table.plot


def patch_grid(
    result: Any, *, title: str | None = None, label: str = "logit difference restored"
) -> Plot:
    """Draw what `patch_grid` or `attribution_grid` gave: by layer, and by position or head.

    Colours are symmetric around 0, which is the corrupt prompt; 1 is the clean one.

    Args:
        result: What it gave.
        title: Stands above.
        label: What the colours mean.
    """
    values = numbers(field(result, "values", "patch_grid"), "layer", "column")
    columns = list(map(str, field(result, "columns", "patch_grid")))
    is_by_head = columns == [str(number) for number in range(len(columns))]
    limit = float(np.abs(finite(values)).max()) or 1.0
    table = _Table(values, field(result, "layers", "patch_grid"), columns, title)
    table.draw("RdBu_r", Normalize(-limit, limit), label, "head" if is_by_head else "position")
    ends = [float(field(result, end, "patch_grid")) for end in ("clean", "corrupt")]
    text = "logit difference: clean {:.2f}, corrupt {:.2f}".format(*ends)
    table.axes.set_title(text, loc="right", fontsize=SMALL, color="0.35")
    return table.plot


def heads(
    scores: Any,
    *,
    layers: Sequence[int] | None = None,
    title: str | None = None,
    label: str = "mean attention",
) -> Plot:
    """Draw a number for each head: scores of `find_heads`, say. Negative ones get their own colour.

    Args:
        scores: [layer, head].
        layers: The layer of each row, from 0 without it.
        title: Stands above.
        label: What the colours mean.
    """
    values = numbers(scores, "layer", "head")
    lowest, highest = finite(values).min(), finite(values).max()
    limit = max(abs(lowest), abs(highest)) or 1.0
    has_signs = lowest < 0
    names = [str(number) for number in range(values.shape[1])]
    table = _Table(values, layers, names, title)
    scale = Normalize(-limit if has_signs else 0, limit)
    table.draw("RdBu_r" if has_signs else "Blues", scale, label, "head")
    return table.plot


def norm_table(
    values: Any,
    tokens: Sequence[str] | None = None,
    *,
    layers: Sequence[int] | None = None,
    title: str | None = None,
    label: str = "norm of the activation",
) -> Plot:
    """Draw how long activations are at each layer and position.

    Colours are logarithmic where they differ by more than a factor of ten.

    Args:
        values: Their norms, [layer, position].
        tokens: One for each position.
        layers: The layer of each row, from 0 without it.
        title: Stands above.
        label: What the colours mean.
    """
    lengths = numbers(values, "layer", "position")
    # Nothing is as long as zero on this scale.
    lengths = np.where(lengths > 0, lengths, np.nan)
    above = finite(lengths)
    names = [str(number) for number in range(lengths.shape[1])] if tokens is None else tokens
    table = _Table(lengths, layers, names, title)
    is_wide = 0 < 10 * above.min() < above.max()
    scale = (LogNorm if is_wide else Normalize)(above.min(), above.max())
    table.draw("viridis", scale, label, "position")
    return table.plot


class _Table:
    """A table of numbers in a figure of its own, the first layer at the bottom."""

    def __init__(
        self,
        values: Numbers,
        layers: Sequence[int] | None,
        columns: Sequence[str],
        title: str | None,
        cell: float = 0.3,
    ) -> None:
        rows, count = values.shape
        self.values = values
        self.layers = list(range(rows)) if layers is None else list(layers)
        check_length("layers", len(self.layers), rows)
        check_length("columns", len(columns), count)
        self.columns = tokens_shown(columns)
        self._width = min(max(count * cell, 2.6), _WIDEST)
        self._height = min(max(rows * 0.2, 1.6), _TALLEST)
        self.plot = new_plot(self._width + 1.6, self._height + 1.1, title)
        self.axes = self.plot.subplots()

    def draw(self, palette: str, scale: Normalize, label: str, what: str) -> None:
        """Draw the cells, say what they mean, and name rows and columns."""
        cells = np.ma.masked_invalid(self.values)
        self.image = self.axes.imshow(
            cells, cmap=colours(palette), norm=scale, aspect="auto", origin="lower"
        )
        self.axes.spines[:].set_visible(False)
        self.axes.tick_params(length=2)
        turned = 0 if max(map(len, self.columns)) <= 2 else 90
        name_ticks(self.axes.xaxis, self.columns, self._width, rotation=turned, fontsize=SMALL)
        rows = [str(layer) for layer in self.layers]
        name_ticks(self.axes.yaxis, rows, self._height, fontsize=SMALL)
        self.axes.set_xlabel(what, fontsize=MEDIUM)
        self.axes.set_ylabel("layer", fontsize=MEDIUM)
        add_bar(self.plot, self.image, label, self.axes)

    def fill(self, texts: Sequence[Sequence[str]]) -> None:
        """Write into the cells, so that it can be read on their colours."""
        size = min(6.5, self._height / len(self.layers) * 50)
        for (row, column), value in np.ndenumerate(self.values):
            red, green, blue, _ = self.image.to_rgba(value)
            is_dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
            style = {"color": "white" if is_dark else "black", "fontsize": size}
            text = texts[row][column]
            as_it_is(self.axes.text(column, row, text, ha="center", va="center", **style))
