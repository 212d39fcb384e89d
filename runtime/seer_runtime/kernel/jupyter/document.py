"""A notebook's file: a valid one at every moment, since it is only ever replaced by another."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import platform
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from seer_runtime.kernel.jupyter.executions import Execution
from seer_runtime.kernel.jupyter.lines import joined
from seer_runtime.kernel.jupyter.merging import SEEN, Cell, Sight, merge, without_trust
from seer_runtime.kernel.jupyter.news import News

_METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    # As the kernel has it, which is run by the same Python: else each page that opens the notebook
    # changes it.
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
        "version": platform.python_version(),
    },
}
_KEPT = 500
_BREATH = 0.05
_AGAIN = 1.0
_SHARE = 5
"""A file that takes long to write is written seldom: it takes one part of so many."""


class Document:
    """The cells of a notebook, written soon after each change."""

    def __init__(self, file: Path) -> None:
        """Go on with a notebook that is there.

        Raises:
            ValueError: it is none.
        """
        self.file = file
        self.revision = 0
        self._content = _read(file)
        self._cells: list[dict[str, Any]] = self._content["cells"]
        self._running: dict[str, Execution] = {}
        """By their cells, the newest last."""

        self._taken: dict[str, tuple[str, int]] = {}
        """Which output a cell has: of which execution, and up to which version."""

        self._runs: dict[str, str] = {}
        """Of which run each cell shows the output: an execution here, or one in a page."""

        self._news = News()
        self.began = datetime.now(UTC)
        self._from_people: set[str] = set()
        self._changed, self._written = asyncio.Event(), asyncio.Event()
        self._tried_revision = -1
        self._task = asyncio.create_task(self._write_on())

    def add_cell(
        self, kind: Literal["code", "markdown"], source: str, after: str = "", cell_id: str = ""
    ) -> str:
        """Add a cell, at the end or after the one with that id; gives its id.

        Raises:
            KeyError: there is no cell to add it after.
        """
        cell: dict[str, Any] = {
            "cell_type": kind,
            "id": cell_id or secrets.token_hex(4),
            "metadata": {},
            "source": source,
        }
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        self._cells.insert(self._position(after) + 1 if after else len(self._cells), cell)
        self.change()
        return str(cell["id"])

    def has(self, cell_id: str) -> bool:
        """Whether there is such a cell."""
        return any(cell["id"] == cell_id for cell in self._cells)

    def show(self, execution: Execution) -> None:
        """Have a cell for an execution, and what that puts out in it."""
        if not execution.cell_id:
            execution.cell_id = self.add_cell("code", execution.code)
        else:
            self.edit(execution.cell_id, execution.code)
            self._make_code(execution.cell_id)
        self._running.pop(execution.cell_id, None)
        self._running[execution.cell_id] = execution
        self._runs[execution.cell_id] = execution.id
        self.change()

    def edit(self, cell_id: str, source: str) -> None:
        """Change what a cell says.

        Raises:
            KeyError: there is no such cell.
        """
        position = self._position(cell_id)
        self._cells[position] = {**self._cells[position], "source": source}
        self.change()

    def remove(self, cell_id: str) -> None:
        """Remove a cell.

        Raises:
            KeyError: there is no such cell.
        """
        del self._cells[self._position(cell_id)]
        self._runs.pop(cell_id, None)
        self._running.pop(cell_id, None)
        self._taken.pop(cell_id, None)
        self.change()

    def change(self) -> None:
        """Note that something changed."""
        self.revision += 1
        self._changed.set()

    def content(self) -> dict[str, Any]:
        """Give the notebook as it is now."""
        self._take_outputs()
        return {**self._content, "cells": list(self._cells)}

    def is_known(self, epoch: str, revision: int) -> bool:
        """Tell whether a page that has heard so much has heard all."""
        return (epoch, revision) == (self._news.epoch, self.revision)

    def news(self, epoch: str, revision: int) -> dict[str, Any]:
        """Say what such a page does not know."""
        self._take_outputs()
        known = revision if epoch == self._news.epoch else -1
        going = {cell_id for cell_id, each in self._running.items() if not each.is_over}
        return self._news.since(known, self.revision, self._cells, self._runs, going)

    def shown(self, content: dict[str, Any]) -> None:
        """Note in what a person is given which cells are in it."""
        content["metadata"][SEEN] = [cell.get("id") for cell in content["cells"]]

    def merge(self, theirs: Mapping[str, Any]) -> None:
        """Take over what a person saved: their cells in their order.

        What was done here since the page heard of it stays, also what was put out, unless a person
        has run the cell since.
        """
        self._take_outputs()
        cells = [_with_id(dict(cell)) for cell in theirs.get("cells", ())]
        metadata = dict(theirs.get("metadata", {}))
        sight = Sight(metadata.pop(SEEN, ()))
        ours = {str(cell["id"]): cell for cell in self._cells}
        for cell in cells:
            # The page's own opinion of it, made anew each time that it is opened.
            cell["metadata"] = without_trust(cell.get("metadata", {}))
            mine = ours.get(cell["id"])
            if mine is not None and self._has_output(cell, mine, sight):
                cell |= {
                    name: mine[name] for name in ("outputs", "execution_count") if name in mine
                }
        removable: set[str] = set()
        if not sight.follows:
            removable = set(self._from_people)
            self._from_people |= {str(cell["id"]) for cell in cells} - ours.keys()
        self._content["metadata"] = metadata
        self._cells[:] = merge(cells, list(ours.values()), sight, removable)
        self.change()

    def _has_output(self, theirs: Cell, ours: Cell, sight: Sight) -> bool:
        """Tell whether a cell is to have what is known here of its output."""
        if not sight.follows:
            return self._is_ours(theirs)
        cell_id = theirs["id"]
        is_person = sight.is_by_person(theirs, ours, self._runs.get(cell_id, ""))
        if is_person:
            self._running.pop(cell_id, None)
            self._taken.pop(cell_id, None)
            self._runs[cell_id] = sight.own_run(theirs)
        return not is_person and theirs.get("cell_type") == "code"

    def _is_ours(self, cell: Mapping[str, Any]) -> bool:
        """Tell whether what a cell put out is what is known here; forget it where it is not."""
        execution = self._running.get(cell["id"])
        if execution is None:
            return False
        count = cell.get("execution_count")
        is_another = execution.is_over and count not in (None, execution.execution_count)
        if is_another or cell.get("cell_type") != "code":
            del self._running[cell["id"]]
            return False
        return True

    async def saved(self) -> None:
        """Wait until the file has what there is now, or cannot have it."""
        wanted = self.revision
        while self._tried_revision < wanted and not self._task.done():
            await self._written.wait()

    async def close(self) -> None:
        """Write what is not written yet, and no more."""
        await self.saved()
        self._task.cancel()

    async def _write_on(self) -> None:
        while True:
            revision, began = self.revision, time.monotonic()
            self._changed.clear()
            content = self.content()
            try:
                await asyncio.to_thread(write_notebook, self.file, content)
            except OSError:
                # For want of space, say: it is tried again.
                asyncio.get_running_loop().call_later(_AGAIN, self._changed.set)
            self._tried_revision = revision
            self._written.set()
            self._written = asyncio.Event()
            await asyncio.sleep(max(_BREATH, _SHARE * (time.monotonic() - began)))
            await self._changed.wait()

    def _take_outputs(self) -> None:
        """Put what executions have put out into their cells."""
        positions = {cell["id"]: position for position, cell in enumerate(self._cells)}
        for cell_id, execution in self._running.items():
            position = positions.get(cell_id)
            state = (f"{execution.id}/{execution.execution_count}", execution.outputs.version)
            if position is not None and self._taken.get(cell_id) != state:
                self._taken[cell_id] = state
                self._cells[position] = {
                    **self._cells[position],
                    "outputs": execution.outputs.whole(),
                    "execution_count": execution.execution_count,
                }
        # What is long over puts nothing out any more.
        for cell_id, execution in list(self._running.items())[:-_KEPT]:
            if execution.is_over:
                del self._running[cell_id]
                self._taken.pop(cell_id, None)

    def _make_code(self, cell_id: str) -> None:
        """Have a cell that is to run be one with code, if it had text."""
        position = self._position(cell_id)
        cell = self._cells[position]
        if cell["cell_type"] != "code":
            kept = {name: cell[name] for name in ("id", "metadata", "source")}
            empty: dict[str, Any] = {"cell_type": "code", "execution_count": None, "outputs": []}
            self._cells[position] = kept | empty

    def _position(self, cell_id: str) -> int:
        for position, cell in enumerate(self._cells):
            if cell["id"] == cell_id:
                return position
        raise KeyError(cell_id)


def write_notebook(file: Path, content: Mapping[str, Any]) -> None:
    """Write a notebook in the place of another.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    scratch = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        # Half a surrogate is not to be encoded; escaped, it is JSON.
        scratch.write_bytes(text.encode("utf-8", "backslashreplace"))
        os.replace(scratch, file)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {
            "cells": [],
            "metadata": copy.deepcopy(_METADATA),
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    if not isinstance(content, dict) or content.get("nbformat") != 4 or not _has_cells(content):
        raise ValueError(f"{file} is no notebook that can be gone on with")
    content["cells"] = [_with_id(joined(cell)) for cell in content.get("cells", ())]
    content["nbformat_minor"] = max(5, int(content.get("nbformat_minor", 5)))
    return content


def _has_cells(content: Mapping[str, Any]) -> bool:
    cells = content.get("cells", [])
    return isinstance(cells, list) and all(isinstance(cell, dict) for cell in cells)


def _with_id(cell: dict[str, Any]) -> dict[str, Any]:
    return cell if cell.get("id") else {**cell, "id": secrets.token_hex(4)}
