"""The rows of the report: whose figure, against whose, and what it should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

Verdict: TypeAlias = Literal["aim met", "met", "missed"]


class Source(NamedTuple):
    """One figure of one contender."""

    contender: str
    figure: str


@dataclass(frozen=True)
class Target:
    """What a ratio must be, and what we aim at."""

    must: float
    aim: float | None = None
    lower_is_better: bool = True

    def judge(self, ratio: float) -> Verdict:
        """Compare."""
        if self.aim is not None and self._meets(ratio, self.aim):
            return "aim met"
        return "met" if self._meets(ratio, self.must) else "missed"

    def _meets(self, ratio: float, limit: float) -> bool:
        return ratio <= limit if self.lower_is_better else ratio >= limit


@dataclass(frozen=True)
class Row:
    """One line of the report."""

    label: str
    unit: str
    ours: Source
    yardstick: Source | None = None
    """Without one, the figure is itself a ratio."""

    target: Target | None = None
    others: tuple[str, ...] = ()
    """Contenders to show beside, by the same figure."""

    lower_is_better: bool = True


def at_most(must: float, aim: float | None = None) -> Target:
    """Make a target for what should be small."""
    return Target(must, aim)


def at_least(must: float, aim: float | None = None) -> Target:
    """Make a target for what should be large."""
    return Target(must, aim, lower_is_better=False)
