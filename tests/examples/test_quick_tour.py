"""The notebook of the tour runs from its first cell to its last."""

from __future__ import annotations

from pathlib import Path

import nbclient
import nbformat
import pytest

pytestmark = [
    pytest.mark.real_model,
    pytest.mark.timeout(600),
    pytest.mark.usefixtures("model"),
    # It ends its kernel's sockets and loop when it pleases.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def test_the_tour_says_what_is_kept_in_the_file(folder: Path) -> None:
    notebook = nbformat.read(folder / "quick_tour.ipynb", as_version=4)
    kept = [said(cell) for cell in notebook.cells]

    nbclient.NotebookClient(
        notebook, timeout=500, resources={"metadata": {"path": str(folder)}}
    ).execute()

    assert [said(cell) for cell in notebook.cells] == kept
    assert any("' Paris'" in text for text in kept)
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 3


def said(cell: nbformat.NotebookNode) -> str:
    """Give what a cell printed, progress left out."""
    return "".join(
        output["text"]
        for output in cell.get("outputs", [])
        if output["output_type"] == "stream" and output["name"] == "stdout"
    )
