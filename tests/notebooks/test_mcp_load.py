"""Several sessions with concurrent cells, through one MCP server; `make soak` has more of them."""

from __future__ import annotations

from pathlib import Path

from tests.notebooks.agents import work


def test_every_output_is_told_to_whom_it_belongs(tmp_path: Path) -> None:
    load = work(3, 8, tmp_path)
    assert str(load) == "NOTEBOOKS sessions=3 cells=24 wrong=0", load.wrong
