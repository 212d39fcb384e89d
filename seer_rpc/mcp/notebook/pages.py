"""Tools that read and write the cells of a notebook."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastmcp.tools import ToolResult
from mcp_types import TextContent

from seer_rpc.environment.threads import in_thread
from seer_rpc.errors import NotebookMissingError
from seer_rpc.execution import CellResult, NotebookClient
from seer_rpc.mcp.notebook.answers import Answers
from seer_rpc.mcp.notebook.excerpts import Room
from seer_rpc.mcp.notebook.outputs import shown_output
from seer_rpc.mcp.notebook.results import Cell, CellReport
from seer_rpc.mcp.results import told

_MOST_OF_SOURCE = 4_000
_MOST_OF_OUTPUT = 1_000
"""Characters of each output where several cells are read."""

_MOST_CELLS = 200


class Pages:
    """Reads and writes notebooks."""

    def __init__(self, answers: Answers) -> None:
        """Answer with what all tools have."""
        self._answers = answers

    async def add_markdown(self, session_id: str, content: str, after: str = "") -> ToolResult:
        """Add a cell with text."""
        client = await self._answers.client(session_id)
        cell_id = await in_thread(functools.partial(client.add_markdown, content, after=after))
        text = f"Cell {cell_id} was added to {client.last_notebook_path}."
        return told(text, {"cell_id": cell_id, "notebook_path": client.last_notebook_path})

    async def edit_cell(
        self,
        session_id: str,
        cell_id: str,
        code: str,
        run: bool = True,
        timeout: float | None = None,
    ) -> ToolResult:
        """Change what a cell says, and run it if it is one with code."""
        client = await self._answers.client(session_id)
        kind = await in_thread(_kind, client, cell_id)
        if run and kind == "code":
            execution = await in_thread(functools.partial(client.start, code, cell_id=cell_id))
            return await self._answers.report(client, execution, self._answers.seconds(timeout))
        await in_thread(client.edit_cell, cell_id, code)
        text = f"Cell {cell_id} ({kind}) was changed, and not run."
        return told(text, {"cell_id": cell_id, "kind": kind, "status": "changed"})

    async def read_notebook(
        self, session_id: str, first_cell: str = "", last_cell: str = ""
    ) -> ToolResult:
        """Show cells, or all of one cell."""
        client = await self._answers.client(session_id)
        cells = (await in_thread(client.notebook))["cells"]
        chosen = _chosen(cells, first_cell, last_cell)
        if first_cell and first_cell == last_cell and chosen[0]["cell_type"] == "code":
            return await in_thread(self._whole, client, chosen[0])
        return _overview(client, cells, chosen)

    def _whole(self, client: NotebookClient, cell: Mapping[str, Any]) -> ToolResult:
        """Show one cell as what came of it was shown."""
        result = CellResult("", "ok", cell["execution_count"], cell["outputs"], cell["id"])
        where = Cell(client.session_id, client.last_notebook_path)
        return CellReport(result, where, self._answers.folder).page(cell["source"])


def _kind(client: NotebookClient, cell_id: str) -> str:
    """Say what a cell is: code, markdown or raw."""
    for cell in client.notebook()["cells"]:
        if cell["id"] == cell_id:
            return str(cell["cell_type"])
    raise _no_cell(cell_id)


def _no_cell(cell_id: str) -> NotebookMissingError:
    return NotebookMissingError(
        f"the notebook has no cell {cell_id!r}", hint="read_notebook gives the ids of its cells"
    )


def _chosen(cells: Sequence[Any], first: str, last: str) -> Sequence[Any]:
    places = {cell["id"]: place for place, cell in enumerate(cells)}
    for cell_id in filter(None, (first, last)):
        if cell_id not in places:
            raise _no_cell(cell_id)
    begin = places[first] if first else 0
    return cells[begin : places[last] + 1 if last else len(cells)]


def _overview(client: NotebookClient, cells: Sequence[Any], chosen: Sequence[Any]) -> ToolResult:
    room, texts = Room(), list[str]()
    shown: list[dict[str, Any]] = []
    for cell in chosen[:_MOST_CELLS]:
        text = _cell_text(cell)
        if shown and len(text) > room.left:
            break
        room.left -= len(text)
        texts.append(text)
        shown.append(_summary(cell))
    rest = chosen[len(shown) :]
    head = f"{client.last_notebook_path}: {len(cells)} cells"
    more = f"{len(rest)} more cells follow: go on with first_cell={rest[0]['id']!r}" if rest else ""
    structured = {
        "session_id": client.session_id,
        "notebook_path": client.last_notebook_path,
        "cells_in_all": len(cells),
        "cells": shown,
        "next_cell": rest[0]["id"] if rest else None,
    }
    text = "\n\n".join(filter(None, [head, *texts, more]))
    return ToolResult(content=[TextContent(type="text", text=text)], structured_content=structured)


def _summary(cell: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "cell_id": cell["id"],
        "kind": cell["cell_type"],
        "execution_count": cell.get("execution_count"),
        "outputs": len(cell.get("outputs", ())),
    }


def _cell_text(cell: Mapping[str, Any]) -> str:
    number = f" [{cell['execution_count']}]" if cell.get("execution_count") else ""
    source = _short("".join(cell["source"]), _MOST_OF_SOURCE, cell["id"])
    return "\n".join([f"## Cell {cell['id']} ({cell['cell_type']}){number}", source, *_said(cell)])


def _said(cell: Mapping[str, Any]) -> Iterator[str]:
    room = Room(2 * _MOST_OF_OUTPUT)
    for output in cell.get("outputs", ()):
        shown = shown_output(output)
        label = f"-> {shown.label}:"
        if room.left < _MOST_OF_OUTPUT // 2:
            yield f"{label} ..."
            return
        part = _short(shown.text.rstrip("\n"), _MOST_OF_OUTPUT, cell["id"])
        room.left -= len(part)
        yield f"{label} {part}"


def _short(text: str, most: int, cell_id: str) -> str:
    shown = Room(most).take(text, most)
    source = f"read_notebook with this cell as first_cell and last_cell, {cell_id!r}, shows more"
    return shown.text(source) if shown is not None else ""
