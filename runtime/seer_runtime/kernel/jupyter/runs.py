"""Runs: of which one a cell shows the output, be it one of ours or one of a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seer_runtime.kernel.jupyter.executions import Execution
from seer_runtime.kernel.jupyter.merging import Cell, Sight, text_of

_KEPT = 500


class Runs:
    """The last run of each cell."""

    def __init__(self) -> None:
        """Begin with none."""
        self._ours: dict[str, Execution] = {}
        """By their cells, the newest last."""

        self._taken: dict[str, tuple[str, int]] = {}
        """Which output a cell has: of which execution, and up to which version."""

        self._names: dict[str, str] = {}

    def add(self, execution: Execution) -> None:
        """Have its cell show it."""
        self._ours.pop(execution.cell_id, None)
        self._ours[execution.cell_id] = execution
        self._names[execution.cell_id] = execution.id

    def forget(self, cell_id: str) -> None:
        """The cell is gone."""
        self._ours.pop(cell_id, None)
        self._taken.pop(cell_id, None)
        self._names.pop(cell_id, None)

    def describe(self, cell_id: str) -> dict[str, Any]:
        """Say which run it is, and whether it goes on."""
        execution = self._ours.get(cell_id)
        is_on = execution is not None and not execution.is_over
        return {"run": self._names.get(cell_id, ""), "is_running": is_on}

    def write_into(self, cells: list[Cell]) -> None:
        """Put what executions have put out into their cells."""
        positions = {cell["id"]: position for position, cell in enumerate(cells)}
        for cell_id, execution in self._ours.items():
            position = positions.get(cell_id)
            state = (f"{execution.id}/{execution.execution_count}", execution.outputs.version)
            if position is not None and self._taken.get(cell_id) != state:
                self._taken[cell_id] = state
                cells[position] = {
                    **cells[position],
                    "outputs": execution.outputs.whole(),
                    "execution_count": execution.execution_count,
                }
        # What is long over puts nothing out any more.
        for cell_id, execution in list(self._ours.items())[:-_KEPT]:
            if execution.is_over:
                del self._ours[cell_id]
                self._taken.pop(cell_id, None)

    def keep_output(self, theirs: Cell, ours: Cell, sight: Sight) -> None:
        """Put the output that is here into a cell of a page, unless a person ran it there since."""
        cell_id = theirs["id"]
        if theirs.get("cell_type") != "code":
            if sight.text(ours) != text_of(theirs):
                self.forget(cell_id)
        elif not self._is_theirs(theirs, sight):
            theirs |= {name: ours[name] for name in ("outputs", "execution_count") if name in ours}
        else:
            self._ours.pop(cell_id, None)
            self._taken.pop(cell_id, None)
            self._names[cell_id] = sight.cells.get(cell_id, {}).get("own_run", "")

    def _is_theirs(self, cell: Cell, sight: Sight) -> bool:
        heard: Mapping[str, Any] = sight.cells.get(cell["id"], {})
        if sight.follows:
            own, here = heard.get("own_run"), self._names.get(cell["id"], "")
            return bool(own) and here in (own, heard.get("run", ""))
        execution = self._ours.get(cell["id"])
        if execution is None:
            return True
        return execution.is_over and cell.get("execution_count") not in (
            None,
            execution.execution_count,
        )
