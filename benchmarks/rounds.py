"""Go through the rounds: in each, every contender once, in an order of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from benchmarks.contenders import CONTENDERS
from benchmarks.effort import Effort
from benchmarks.figures import Figures
from benchmarks.sections import SECTIONS
from benchmarks.visit import Visit, visit


class Stop(NamedTuple):
    """One visit that is to be made."""

    section: str
    round: int
    measurement: str
    contender: str


def plan(sections: Iterable[str], rounds: int, seed: int) -> list[Stop]:
    """Give every visit, in the order in which to make them."""
    shuffled = random.Random(seed)
    stops: list[Stop] = []
    for name in sections:
        section = SECTIONS[name]
        for number in range(1, rounds + 1):
            for measurement in section.measurements:
                order = shuffled.sample(section.contenders, len(section.contenders))
                stops += [Stop(name, number, measurement, contender) for contender in order]
    return stops


def travel(
    stops: Sequence[Stop], effort: Effort, on_stop: Callable[[Stop], None]
) -> dict[str, Figures]:
    """Make the visits; gives the figures of each section. `on_stop` hears of each before it."""
    figures: dict[str, Figures] = {}
    for stop in stops:
        found = figures.setdefault(stop.section, Figures())
        on_stop(stop)
        # Who failed once is not asked again: a timeout in every round would take an hour.
        if not found.has_failed(stop.measurement, stop.contender):
            found.add(stop.measurement, stop.contender, _visit(stop, effort))
    return figures


def _visit(stop: Stop, effort: Effort) -> Visit:
    contender = CONTENDERS.get(stop.contender)
    if contender is not None and contender.missing is not None:
        return Visit(reason=contender.missing)
    return visit(stop.measurement, stop.contender, effort)
