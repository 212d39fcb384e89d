"""The cells of a notebook: who adds them, what they put out, and when all that is written."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from seer_runtime.kernel.jupyter.executions import Execution
from seer_runtime.kernel.jupyter.files import Output, put_away
from seer_runtime.kernel.jupyter.ipynb import read_notebook, with_id, write_notebook
from seer_runtime.kernel.jupyter.merging import SEEN, Cell, Sight, merge, without_trust
from seer_runtime.kernel.jupyter.news import News
from seer_runtime.kernel.jupyter.room import measured

_LARGE = (1 << 20, 8 << 10)
"""Characters beyond which outputs are put into a file where there is no room, first and then."""

_BREATH = 0.05
_AGAIN = 1.0
_SHARE = 5
"""A file that takes long to write is written seldom: it takes one part of so many."""


class Document:
    """The cells of a notebook, written soon after each change."""

    def __init__(self, file: Path, folder: Path) -> None:
        """Go on with a notebook that is there; `folder` is for outputs for which it has no room.

        Raises:
            ValueError: it is none.
        """
        self.file = file
        # Whoever knows a revision of a server before this one's takes this for news.
        self.revision = time.time_ns() // 1_000_000
        self._folder = folder
        self._content = read_notebook(file)
        self._cells: list[dict[str, Any]] = self._content["cells"]
        self._running: dict[str, Execution] = {}
        """By their cells, the newest last."""

        self._taken: dict[str, tuple[str, int]] = {}
        """Which output a cell has: of which execution, and up to which version."""

        self._sizes: dict[str, tuple[list[Output], int]] = {}
        """Characters of which outputs, by cells."""

        self._stored: dict[str, int | None] = {}
        """Cells whose outputs are in a file, and the number that they had then."""

        self._runs: dict[str, str] = {}
        """Of which run each cell shows the output: an execution here, or one in a page."""

        self._news = News()
        self.began = datetime.now(UTC)
        self._from_people: set[str] = set()
        self._writing = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._changed, self._written = asyncio.Event(), asyncio.Event()
        self._tried_revision = -1
        self._task = asyncio.create_task(self._write_on())
        self._task.add_done_callback(lambda _: self._written.set())

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
        self._stored.pop(execution.cell_id, None)
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
        self._let_go(cell_id)
        self._runs.pop(cell_id, None)
        self._sizes.pop(cell_id, None)
        self._stored.pop(cell_id, None)
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
        cells = [with_id(dict(cell)) for cell in theirs.get("cells", ())]
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
        self._sizes.clear()
        self.change()

    def settle(self, execution: Execution) -> None:
        """Have all of its outputs, and hear no more of it."""
        if self._running.get(execution.cell_id) is execution:
            self._take_outputs()
            self._let_go(execution.cell_id)

    @property
    def size(self) -> int:
        """Characters of all outputs."""
        return sum(map(self._size, self._cells))

    def shrink(self) -> bool:
        """Put what the oldest large cell has put out into a file; tells whether there was one."""
        self._take_outputs()
        for least in _LARGE:
            for position, cell in enumerate(self._cells):
                if self._size(cell) > least and self._is_at_rest(cell):
                    return self._put_away(position)
        return False

    def _is_at_rest(self, cell: Mapping[str, Any]) -> bool:
        execution = self._running.get(cell["id"])
        return execution is None or execution.is_over

    def _size(self, cell: Mapping[str, Any]) -> int:
        outputs = cell.get("outputs") or []
        of, size = self._sizes.get(cell["id"], (None, 0))
        if of is not outputs:
            size = measured(outputs)
            self._sizes[cell["id"]] = outputs, size
        return size

    def _put_away(self, position: int) -> bool:
        cell = self._cells[position]
        file = self._folder / f"cell-{cell['id']}-{secrets.token_hex(2)}.json"
        try:
            rest = put_away(cell["outputs"], file)
        except OSError:
            # Better too much in memory than lost.
            return False
        self._let_go(cell["id"])
        self._stored[cell["id"]] = cell["execution_count"]
        self._cells[position] = {**cell, "outputs": rest}
        self.change()
        return self._size(self._cells[position]) < measured(cell["outputs"])

    def _let_go(self, cell_id: str) -> None:
        self._running.pop(cell_id, None)
        self._taken.pop(cell_id, None)

    def _has_output(self, theirs: Cell, ours: Cell, sight: Sight) -> bool:
        """Tell whether a cell is to have what is known here of its output."""
        if not sight.follows:
            return self._is_ours(theirs)
        cell_id = theirs["id"]
        is_person = sight.is_by_person(theirs, ours, self._runs.get(cell_id, ""))
        if is_person:
            self._let_go(cell_id)
            self._stored.pop(cell_id, None)
            self._runs[cell_id] = sight.own_run(theirs)
        return not is_person and theirs.get("cell_type") == "code"

    def _is_ours(self, cell: Mapping[str, Any]) -> bool:
        """Tell whether what a cell put out is what is known here; forget it where it is not."""
        execution, count = self._running.get(cell["id"]), cell.get("execution_count")
        if execution is None:
            # A page may have shown it since before that was put away.
            return cell["id"] in self._stored and self._stored[cell["id"]] == count
        is_another = execution.is_over and count not in (None, execution.execution_count)
        if is_another or cell.get("cell_type") != "code":
            del self._running[cell["id"]]
            return False
        return True

    @contextlib.asynccontextmanager
    async def still(self) -> AsyncIterator[None]:
        """Write nothing meanwhile: the file is given another name."""
        await self.saved()
        async with self._writing:
            yield

    async def saved(self) -> None:
        """Wait until the file has what there is now, or cannot have it."""
        wanted = self.revision
        if self._tried_revision < wanted:
            self._wanted.set()
        while self._tried_revision < wanted and not self._task.done():
            await self._written.wait()

    async def close(self) -> None:
        """Write what is not written yet, and no more."""
        await self.saved()
        self._task.cancel()
        await asyncio.wait([self._task])
        # Who waits for a change that came too late looks again.
        self._written.set()

    async def _write_on(self) -> None:
        while True:
            revision, began = self.revision, time.monotonic()
            self._changed.clear()
            self._wanted.clear()
            content = self.content()
            try:
                async with self._writing:
                    await asyncio.to_thread(write_notebook, self.file, content)
            except (OSError, ValueError, RecursionError):
                # For want of space, say: it is tried again. What a page saved may be no JSON.
                asyncio.get_running_loop().call_later(_AGAIN, self._changed.set)
            self._tried_revision = revision
            self._written.set()
            self._written = asyncio.Event()
            await self._rest(max(_BREATH, _SHARE * (time.monotonic() - began)))
            await self._changed.wait()

    async def _rest(self, seconds: float) -> None:
        """Write nothing for a while, unless somebody waits for it."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wanted.wait(), seconds)

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
