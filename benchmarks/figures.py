"""The figures of all rounds, and what they say together."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from benchmarks.rows import Row, Source
from benchmarks.visit import Visit


class Ratio(NamedTuple):
    """Of the medians; and how far single rounds were from each other."""

    value: float
    lowest: float
    highest: float


class Figures:
    """What the visits of one section gave."""

    def __init__(self) -> None:
        """Begin with none."""
        self.rounds: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        """By contender and figure, a value for each round."""

        self.reasons: dict[str, dict[str, str]] = defaultdict(dict)
        """By contender and measurement, why there are no figures, or none from some round on."""

        self.remarks: dict[str, list[str]] = defaultdict(list)

    def add(self, measurement: str, contender: str, visited: Visit) -> None:
        """Keep what a visit gave."""
        for name, value in visited.figures.items():
            self.rounds[contender][name].append(value)
        known = self.remarks[contender]
        known += [remark for remark in visited.remarks if remark not in known]
        if visited.reason is not None:
            self.reasons[contender][measurement] = visited.reason

    def has_failed(self, measurement: str, contender: str) -> bool:
        """Tell whether a measurement was given up."""
        return measurement in self.reasons.get(contender, {})

    def reason(self, contender: str) -> str:
        """Say why a contender lacks a figure."""
        reasons = self.reasons.get(contender, {}).values()
        return "; ".join([*reasons, *self.remarks.get(contender, [])]) or "not measured"

    def median(self, source: Source) -> float | None:
        """Give the median of all rounds, or None where there is no figure."""
        values = self._values(source)
        return statistics.median(values) if values else None

    def medians(self, sources: Iterable[Source]) -> dict[Source, float]:
        """Give the medians of those that have one."""
        found = {source: self.median(source) for source in sources}
        return {source: value for source, value in found.items() if value is not None}

    def ratio(self, row: Row) -> Ratio | None:
        """Give the ratio of a row, or None where there is no figure for it."""
        ours = self._values(row.ours)
        against = self._values(row.yardstick) if row.yardstick is not None else [1.0] * len(ours)
        if not ours or not against:
            return None
        single = [mine / other for mine, other in zip(ours, against, strict=False)]
        value = statistics.median(ours) / statistics.median(against)
        return Ratio(value, min(single), max(single))

    def _values(self, source: Source) -> list[float]:
        return self.rounds.get(source.contender, {}).get(source.figure, [])
