"""A grid of patches: as one call, as a call for each cell, and by nnsight in this process."""

from __future__ import annotations

import importlib
import importlib.util
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.effort import Effort
from benchmarks.measurements.measured import Measured, NotMeasuredError
from benchmarks.measurements.packaged_model import packaged_model, served
from benchmarks.measurements.timing import seconds_of
from seer_rpc.backends.models import ModelSource, model_folder

NNSIGHT = "nnsight, in process"

_INTERFACE = Path(__file__).parents[1] / "interfaces" / "patching.py"
_ENDING = " went to the shop. Then Mary gave a drink to"
_PAIR = (f"Mary and John{_ENDING}", f"Mary and Anna{_ENDING}", " John", " Anna")
_LAYERS = [4, 14, 24]
_TOGETHER = 16


def measure(contender: str, effort: Effort) -> Measured:
    """Give the seconds of a grid, and of the same by single calls."""
    return _measure_nnsight(effort) if contender == NNSIGHT else _measure_ours(effort)


def _measure_ours(effort: Effort) -> Measured:
    with served(_INTERFACE) as (session, _):

        def grid() -> Any:
            options = {"layers": _LAYERS, "batch_size": _TOGETHER}
            return session.call("patch_grid", _PAIR, options)

        found = grid()
        session.call("prepare", _PAIR, {})
        columns = range(len(found.columns))

        def single_calls() -> list[float]:
            return [
                session.call("cell", [layer, column], {}) for layer in _LAYERS for column in columns
            ]

        _check(found, single_calls())
        pairs = [(seconds_of(grid), seconds_of(single_calls)) for _ in _repeats(effort)]
    one, single = (statistics.median(times) for times in zip(*pairs, strict=True))
    return Measured({"grid": one, "single calls": single})


def _check(grid: Any, differences: list[float]) -> None:
    """See to it that both have measured the same."""
    ends = grid.clean, grid.corrupt
    expected = [value * (ends[0] - ends[1]) + ends[1] for value in grid.values.flatten().tolist()]
    if any(abs(a - b) > 1e-3 for a, b in zip(expected, differences, strict=True)):
        raise AssertionError("the two grids differ")


def _measure_nnsight(effort: Effort) -> Measured:
    if importlib.util.find_spec("nnsight") is None:
        raise NotMeasuredError("not installed")
    make_grid = importlib.import_module("benchmarks.peers.nnsight_grid").make_grid
    model = model_folder(ModelSource.parse(packaged_model()))
    grid = make_grid(model, _PAIR[:2], _PAIR[2:], _LAYERS)
    grid()
    return Measured({"grid": statistics.median(seconds_of(grid) for _ in _repeats(effort))})


def _repeats(effort: Effort) -> Iterator[int]:
    return iter(range(max(1, effort.repeats // 3)))
