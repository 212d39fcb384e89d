"""What came of a cell, as a tool's result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fastmcp.tools import ToolResult
from mcp_types import TextContent

from seer_rpc.errors import NotebookMissingError
from seer_rpc.execution import CellResult
from seer_rpc.execution.cells import Output
from seer_rpc.mcp.media import ShownMedia
from seer_rpc.mcp.notebook.excerpts import MOST_IN_ALL, Room, excerpt
from seer_rpc.mcp.notebook.outputs import ShownOutput, shown_output
from seer_rpc.mcp.notebook.pictures import small_picture
from seer_rpc.presentation import keep
from seer_runtime.wire.media import Media

_MOST_LISTED = 50
"""Outputs that the structured part of a result lists."""

_MOST_PICTURES = 20
"""Outputs with pictures that are shown, the newest."""

_STATUS = {"ok": "done"}


class Cell(NamedTuple):
    """Where a result is from."""

    session_id: str
    notebook: str
    """The notebook's path in the sandbox."""


class CellReport:
    """Tells of one execution."""

    def __init__(self, result: CellResult, cell: Cell, folder: Path) -> None:
        """Read it; pictures that are not shown are kept in `folder`."""
        self._result = result
        self._cell = cell
        self._folder = folder
        self._media = ShownMedia(folder)
        self._outputs = [shown_output(each) for each in result.outputs]
        self._texts: dict[int, str] = {}
        self._is_truncated = False
        self._rest = f'get_output(session_id, "{result.execution_id}", output={{}}) gives'
        """How what is left out is asked for."""

    def result(self) -> ToolResult:
        """Give the answer. An error of the cell is an error, and so is a kernel that died."""
        self._show()
        texts = [self._head(), *self._body(), self._media.remark(), self._advice()]
        text = "\n".join(filter(None, texts))
        return ToolResult(
            content=[TextContent(type="text", text=text), *self._media.blocks],
            structured_content=self._structured(),
            is_error=self.status in ("error", "dead"),
        )

    def page(self, source: str | Sequence[str]) -> ToolResult:
        """Show a cell as it is in the notebook, with all that it says."""
        self._rest = "the copy of the notebook on this machine has"
        self._show()
        number = self._result.execution_count
        head = f"## Cell {self._result.cell_id} (code){f' [{number}]' if number else ''}"
        said = excerpt("".join(source), MOST_IN_ALL).text(f"{self._rest} them")
        texts = [head, said, *(["-> Outputs:"] if self._outputs else []), *self._body()]
        text = "\n".join([*texts, self._media.remark()]).rstrip("\n")
        return ToolResult(
            content=[TextContent(type="text", text=text), *self._media.blocks],
            structured_content={**self._structured(), "source": said},
        )

    @property
    def status(self) -> str:
        """How it stands: queued, running, done, error or dead."""
        return _STATUS.get(self._result.status, self._result.status)

    def _show(self) -> None:
        """Make the texts: errors first and the newest output next, as long as there is room."""
        room = Room()
        for index in _by_weight(self._outputs):
            said = room.take(self._outputs[index].text)
            self._is_truncated |= said is None or said.left_out > 0
            if said is not None:
                self._texts[index] = said.text(f"{self._rest.format(index)} them")
        pictured = [index for index, each in enumerate(self._outputs) if each.pictures]
        for index in pictured:
            notes = self._pictures(index, index in pictured[-_MOST_PICTURES:], room)
            if texts := [*filter(None, [self._texts.get(index)]), *notes]:
                self._texts[index] = "\n".join(texts)

    def _pictures(self, index: int, is_shown: bool, room: Room) -> Iterable[str]:
        """Show those of an output, or say how they are seen."""
        for picture in self._outputs[index].pictures:
            where = f"{self._rest.format(index)} it"
            if is_shown:
                where = show_picture(picture, self._media, self._folder)
            note = f"[{picture.mime}: {where}]"
            if is_shown or room.take(note) is not None:
                yield note
            self._is_truncated |= not is_shown

    def _head(self) -> str:
        result = self._result
        number = f" [{result.execution_count}]" if result.execution_count is not None else ""
        begin = f"Cell {result.cell_id}{number}, execution {result.execution_id}: {self.status}"
        match self.status:
            case "queued":
                return f"{begin}; it waits for what was asked for before."
            case "running":
                so_far = "so far it put this out:" if self._outputs else "nothing came out so far."
                return f"{begin} for {result.seconds:.1f} s; {so_far}"
            case "dead":
                return f"{begin} after {result.seconds:.1f} s: {result.problem.get('evalue', '')}"
        nothing = "" if self._outputs else " It put nothing out."
        return f"{begin} after {result.seconds:.1f} s.{nothing}"

    def _body(self) -> Iterable[str]:
        missing: list[int] = []
        for index, output in enumerate(self._outputs):
            if index in self._texts:
                yield from _left_out(missing)
                missing.clear()
                yield from _labelled(output, self._texts[index])
            else:
                missing.append(index)
        yield from _left_out(missing)

    def _advice(self) -> str:
        match self.status:
            case "running" | "queued":
                return (
                    "It goes on: get_output waits for more of it, with this execution_id; "
                    "interrupt ends it."
                )
            case "dead":
                return "All variables are lost. restart gives a new kernel, with the models loaded."
        return ""

    def _structured(self) -> dict[str, Any]:
        result = self._result
        return {
            "execution_id": result.execution_id,
            "status": self.status,
            "execution_count": result.execution_count,
            "cell_id": result.cell_id,
            "outputs": [self._summary(index) for index in range(len(self._outputs))][
                -_MOST_LISTED:
            ],
            "outputs_in_all": len(self._outputs),
            "truncated": self._is_truncated,
            "session_id": self._cell.session_id,
            "notebook_path": self._cell.notebook,
            "seconds": round(result.seconds, 3),
        }

    def _summary(self, index: int) -> dict[str, Any]:
        output = self._outputs[index]
        return {
            "output": index,
            "kind": output.kind,
            "label": output.label,
            "characters": len(output.text),
            "text": self._texts.get(index, ""),
        }


def show_picture(picture: Media, media: ShownMedia, folder: Path) -> str:
    """Show a picture among the media of a result; says where it is."""
    small = small_picture(picture)
    if small is not None:
        return media.show(small)
    file = keep(picture.data, folder, "media", ".bin")
    return f"cannot be shown, it is no whole image; the data is in {file}"


def output_range(
    outputs: Sequence[Output], index: int, first: int, characters: int, folder: Path
) -> ToolResult:
    """Give a part of the text of one output, and what there is to see in it.

    Raises:
        NotebookMissingError: there is no such output.
    """
    if index >= len(outputs):
        raise NotebookMissingError(
            f"no output {index}: there are {len(outputs)} so far",
            hint="they are counted from 0; without output=, get_output shows all of them",
        )
    output, media = shown_output(outputs[index]), ShownMedia(folder)
    part = output.text[first : first + characters]
    seen = [f"[{each.mime}: {show_picture(each, media, folder)}]" for each in output.pictures]
    structured = {
        "output": index,
        "first": first,
        "characters": len(part),
        "characters_in_all": len(output.text),
        "text": part,
    }
    text = (
        "\n".join(filter(None, [part, *seen])) or f"Its text has {len(output.text):,} characters."
    )
    return ToolResult(
        content=[TextContent(type="text", text=text), *media.blocks], structured_content=structured
    )


def _by_weight(outputs: Sequence[ShownOutput]) -> list[int]:
    """Give the places of outputs: what matters most comes first."""
    every = list(range(len(outputs)))
    errors = [index for index in every if outputs[index].kind == "error"]
    return list(dict.fromkeys([*errors, *every[-1:], *every]))


def _labelled(output: ShownOutput, text: str) -> Iterable[str]:
    if output.label == "stderr" and text.strip():
        yield "On standard error:"
    yield text.rstrip("\n")


def _left_out(indexes: Sequence[int]) -> Iterable[str]:
    if indexes:
        which = f"{indexes[0]}" if len(indexes) == 1 else f"{indexes[0]} to {indexes[-1]}"
        yield f"[output {which}: left out for want of room; get_output with output=... gives one]"
