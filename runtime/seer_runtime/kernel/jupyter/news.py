"""What a page that is open has to be told, cell by cell."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence, Set
from typing import Any

from seer_runtime.kernel.jupyter.merging import Cell


class News:
    """Since when each cell is as it is."""

    def __init__(self) -> None:
        """Begin with no cell."""
        self.epoch = secrets.token_hex(4)
        """Revisions are those of one document: what goes on with its file counts anew."""

        self._known: dict[str, tuple[Cell, dict[str, Any], int]] = {}

    def since(
        self,
        known: int,
        revision: int,
        cells: Sequence[Cell],
        runs: Mapping[str, str],
        going: Set[str] = frozenset(),
    ) -> dict[str, Any]:
        """Give the cells that are not as they were in a revision, and the order of all.

        Of cells that were run it says in which run, and of those in `going` that it goes on.
        """
        self._look(revision, cells, runs, going)
        changed = [
            {"cell": cell, **run} for cell, run, since in self._known.values() if since > known
        ]
        return {
            "epoch": self.epoch,
            "revision": revision,
            "order": list(self._known),
            "changed": changed,
        }

    def _look(
        self, revision: int, cells: Sequence[Cell], runs: Mapping[str, str], going: Set[str]
    ) -> None:
        """Compare: a cell that changes is another object."""
        before, self._known = self._known, {}
        for cell in cells:
            run = {"run": runs.get(cell["id"], ""), "is_running": cell["id"] in going}
            old, old_run, since = before.get(cell["id"], (None, None, 0))
            is_same = old is cell and old_run == run
            self._known[cell["id"]] = (cell, run, since if is_same else revision)
