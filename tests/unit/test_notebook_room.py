"""What a notebook server holds: bounded for all notebooks together, and nothing lost."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import nbformat

from seer_runtime.kernel.jupyter.document import Document
from seer_runtime.kernel.jupyter.executions import Execution
from seer_runtime.kernel.jupyter.outputs import Outputs
from seer_runtime.kernel.jupyter.queue import Queue, Runner
from seer_runtime.kernel.jupyter.room import Room

MOST = 400_000
LARGE = 50_000


class Notebook:
    """A document and a queue in which nothing runs: it is over as soon as it is asked for."""

    def __init__(self, folder: Path, room: Room) -> None:
        self.folder = folder
        self.document = Document(folder / "notebook.ipynb", folder / "outputs")
        self.queue = Queue(Runner(self._run, lambda _: room.make(), self.document.settle))
        self.queue.open()
        room.add(self.document, self.queue)

    async def _run(self, execution: Execution) -> None:
        execution.outputs.add_text("stdout", execution.code[-1] * LARGE)
        execution.fail("ValueError", "small", "error")

    async def run(self, *codes: str) -> None:
        for code in codes:
            execution = Execution(code, code, False, self.folder / code)
            self.document.show(execution)
            self.queue.add(execution)
        working = asyncio.create_task(self.queue.work())
        await execution.over.wait()
        await asyncio.sleep(0)
        working.cancel()
        await self.document.saved()


def test_the_oldest_is_in_files_when_all_together_is_too_much(tmp_path: Path) -> None:
    async def fill() -> list[Notebook]:
        room = Room(MOST)
        notebooks = [Notebook(tmp_path / name, room) for name in "ab"]
        for notebook in notebooks:
            notebook.folder.mkdir()
            await notebook.run(*(f"cell-{number}" for number in range(10)))
        for notebook in notebooks:
            await notebook.document.close()
        return notebooks

    notebooks = asyncio.run(fill())
    assert sum(each.document.size + each.queue.size for each in notebooks) <= MOST
    moved = 0
    for notebook in notebooks:
        file = nbformat.read(notebook.document.file, as_version=4)
        nbformat.validate(file)
        for number, cell in enumerate(file.cells):
            first, last = cell.outputs[0], cell.outputs[-1]
            assert last.output_type == "error"
            if "became too large" in first.text:
                moved += 1
                first = json.loads(Path(first.text.split(" is in ")[1][:-2]).read_text())[0]
            assert first["text"] == str(number) * LARGE
        # What ended last is there to be asked for.
        newest = notebook.queue.find("cell-9")
        assert newest is not None
        assert newest.outputs.size >= LARGE
    assert moved


def test_what_is_over_for_long_is_forgotten(tmp_path: Path) -> None:
    async def fill() -> Notebook:
        notebook = Notebook(tmp_path, Room())
        await notebook.run(*(f"cell-{number}" for number in range(520)))
        await notebook.run("cell-520")
        await notebook.document.close()
        return notebook

    notebook = asyncio.run(fill())
    assert notebook.queue.find("cell-0") is None
    assert notebook.queue.find("cell-520") is not None
    assert notebook.document.content()["cells"][0]["outputs"][0]["text"] == "0" * LARGE


def test_displays_without_end_and_errors_without_end_are_bounded(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path)
    shown = {"output_type": "display_data", "data": {"text/plain": "x"}, "metadata": {}}
    for number in range(5_000):
        outputs.clear(wait=True)
        outputs.add(shown, f"display-{number}")
    assert len(outputs._displays) == 1
    assert outputs.update("display-4999", {"data": {"text/plain": "new"}, "metadata": {}})

    error = {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["x" * 60_000]}
    for _ in range(5_000):
        outputs.add(dict(error))
    assert len(outputs.whole()) < 2_100
    assert outputs.size < 40_000_000
