"""The table, and the raw figures as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.figures import Figures, Ratio
from benchmarks.machine import Machine
from benchmarks.rows import Row, Source, Target
from benchmarks.sections import SECTIONS

_COLOURS = {"aim met": "bold green", "met": "green", "missed": "bold red"}
_WIDTH = 124
_SHORT = 24


def print_report(all_figures: Mapping[str, Figures], machine: Machine, rounds: int) -> None:
    """Print the table on standard output, and what to know about it."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    console.print(_table(all_figures, rounds))
    console.print("Ratios are of medians; in brackets, the lowest and the highest single round.")
    for line in _remarks(all_figures):
        console.print(line)
    console.print(str(machine), style="bold")
    if machine.was_busy:
        console.print("Something else kept the machine busy: doubt the ratios.", style="bold red")


def to_json(all_figures: Mapping[str, Figures], machine: Machine, effort: str, rounds: int) -> str:
    """Give every figure of every round, and the ratios that came of them."""
    content = {
        "machine": dataclasses.asdict(machine),
        "effort": effort,
        "rounds": rounds,
        "figures": {name: found.rounds for name, found in all_figures.items()},
        "reasons": {name: found.reasons for name, found in all_figures.items()},
        "remarks": list(_remarks(all_figures)),
        "rows": [_row_values(row, found) for row, found in rows_of(all_figures)],
    }
    return json.dumps(content, indent=2) + "\n"


def rows_of(all_figures: Mapping[str, Figures]) -> Iterator[tuple[Row, Figures]]:
    """Give the rows of the sections that were measured."""
    for name, found in all_figures.items():
        for row in SECTIONS[name].rows:
            yield row, found


def number(value: float) -> str:
    """Write a number with three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def _table(all_figures: Mapping[str, Figures], rounds: int) -> Table:
    noun = "round" if rounds == 1 else "rounds"
    table = Table(title=f"seer_rpc beside its peers, {rounds} {noun}", show_lines=True)
    table.add_column("measured", ratio=3)
    table.add_column("seer_rpc", justify="right", max_width=18)
    table.add_column("ratio", justify="right", no_wrap=True)
    table.add_column("target", no_wrap=True)
    table.add_column("beside it, the best first", no_wrap=True)
    for row, found in rows_of(all_figures):
        table.add_row(*_cells(row, found))
    return table


def _cells(row: Row, found: Figures) -> list[Text]:
    ratio = found.ratio(row)
    return [
        _label(row),
        _value(row.ours, row, found),
        _ratio(ratio),
        _target(row.target, ratio),
        _peers(row, found),
    ]


def _label(row: Row) -> Text:
    text = Text(row.label)
    if row.yardstick is not None:
        text.append(f"\nagainst {name_of(row.yardstick, row)}", style="dim")
    return text


def _value(source: Source, row: Row, found: Figures) -> Text:
    median = found.median(source)
    if median is None:
        return Text(found.reason(source.contender), style="yellow")
    return Text(f"{number(median)} {row.unit}", style="bold")


def _ratio(ratio: Ratio | None) -> Text:
    if ratio is None:
        return Text("")
    text = Text(number(ratio.value), style="bold")
    return text.append(
        f"\n({number(ratio.lowest)} to {number(ratio.highest)})", style="not bold dim"
    )


def _target(target: Target | None, ratio: Ratio | None) -> Text:
    if target is None:
        return Text("")
    sign = "≤" if target.lower_is_better else "≥"
    text = Text(f"must {sign} {target.must:g}\n")
    if target.aim is not None:
        text.append(f"aim  {sign} {target.aim:g}\n")
    word = target.judge(ratio.value) if ratio is not None else "not measured"
    return text.append(word, style=_COLOURS.get(word, "yellow"))


def _peers(row: Row, found: Figures) -> Text:
    """List who is beside us, in two columns; the yardstick stands out."""
    sources = [Source(name, row.ours.figure) for name in row.others]
    sources += [row.yardstick] if row.yardstick is not None else []
    measured = found.medians(sources)
    best_first = sorted(measured, key=lambda each: measured[each], reverse=not row.lower_is_better)
    missing = [each for each in sources if each not in measured and each[0] != row.ours[0]]
    width = max((len(name_of(source, row)) for source in sources), default=0)
    lines = [
        Text(f"{name_of(source, row):{width}} {number(measured[source]):>8}")
        for source in best_first
    ]
    for source, line in zip(best_first, lines, strict=True):
        line.stylize("bold" if source == row.yardstick else "")
    reasons = [
        Text(f"{name_of(source, row):{width}} {_short(found.reason(source.contender))}", "yellow")
        for source in missing
    ]
    return Text("\n").join([*lines, *reasons])


def name_of(source: Source, row: Row) -> str:
    """Name a figure beside ours: by its contender, or by what it is where that is us too."""
    return source.contender if source.contender != row.ours.contender else source.figure


def _short(reason: str) -> str:
    return reason if len(reason) <= _SHORT else "failed, see below"


def _remarks(all_figures: Mapping[str, Figures]) -> Iterator[str]:
    for section, found in all_figures.items():
        for contender, remarks in found.remarks.items():
            for remark in remarks:
                yield f"{section}: {contender}: {remark}"
        for contender, reasons in found.reasons.items():
            for measurement, reason in reasons.items():
                if len(reason) > _SHORT:
                    yield f"{section}: {contender}: no figures of {measurement}: {reason}"


def _row_values(row: Row, found: Figures) -> dict[str, Any]:
    ratio = found.ratio(row)
    target = row.target
    return {
        "label": row.label,
        "unit": row.unit,
        "ours": found.median(row.ours),
        "yardstick": row.yardstick and found.median(row.yardstick),
        "ratio": ratio and ratio._asdict(),
        "target": target and dataclasses.asdict(target),
        "verdict": target and ratio and target.judge(ratio.value),
    }
