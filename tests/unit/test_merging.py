"""What a person saves and what was done here meanwhile become one notebook."""

from __future__ import annotations

from typing import Any

from seer_runtime.kernel.jupyter.executions import Execution
from seer_runtime.kernel.jupyter.merging import Cell, Sight, merge
from seer_runtime.kernel.jupyter.news import News
from seer_runtime.kernel.jupyter.runs import Runs


def cell(cell_id: str, source: str, kind: str = "markdown", **more: Any) -> Cell:
    return {"cell_type": kind, "id": cell_id, "metadata": {}, "source": source, **more}


def sight(*heard: Cell, **runs: tuple[str, str]) -> Sight:
    """What a page that follows says: the cells, and of some which run it shows and its own."""
    said = {}
    for each in heard:
        run, own = runs.get(each["id"], ("", ""))
        said[each["id"]] = {**each, "run": run, "own_run": own}
    return Sight(said)


def sources(cells: list[Cell]) -> list[str]:
    return [each["source"] for each in cells]


A, B, C = cell("a", "A"), cell("b", "B"), cell("c", "C")


def test_what_both_have_stays_the_same_object() -> None:
    merged = merge([dict(A), dict(B)], [A, B], sight(A, B))

    assert [id(each) for each in merged] == [id(A), id(B)]


def test_what_either_added_is_there() -> None:
    theirs = [A, cell("p", "a person's"), B]
    ours = [A, cell("q", "an agent's"), B, C]

    merged = merge(theirs, ours, sight(A, B))

    assert sources(merged) == ["A", "an agent's", "a person's", "B", "C"]


def test_what_a_person_removed_is_gone_unless_it_was_changed_here() -> None:
    ours = [A, B, cell("c", "C, edited by an agent")]

    merged = merge([A], ours, sight(A, B, C))

    assert sources(merged) == ["A", "C, edited by an agent"]


def test_an_older_text_does_not_undo_what_was_changed_here() -> None:
    merged = merge([A, B], [A, cell("b", "B2")], sight(A, B))

    assert sources(merged) == ["A", "B2"]


def test_what_a_person_changed_is_taken() -> None:
    assert sources(merge([cell("a", "A2")], [A], sight(A))) == ["A2"]


def test_what_both_changed_is_there_twice() -> None:
    merged = merge([cell("a", "theirs"), B], [cell("a", "ours"), B], sight(A, B))

    assert sources(merged) == ["theirs", "ours", "B"]
    assert len({each["id"] for each in merged}) == 3


def test_a_cell_of_another_kind_is_another_text() -> None:
    ours = cell("a", "A", "code", outputs=[], execution_count=None)

    assert merge([A], [ours], sight(A)) == [ours]
    assert merge([A], [ours], sight(ours)) == [A]


def code(count: int | None, text: str) -> Cell:
    output = {"output_type": "stream", "name": "stdout", "text": text}
    return cell("a", "A", "code", outputs=[output], execution_count=count)


def kept(theirs: Cell, ours: Cell, runs: Runs, seen: Sight) -> Any:
    runs.keep_output(theirs, ours, seen)
    return theirs["outputs"][0]["text"]


def ran(tmp_path: Any, name: str) -> Execution:
    execution = Execution(name, "A", False, tmp_path)
    execution.cell_id = "a"
    return execution


def test_the_output_is_that_of_the_last_run_that_a_page_knew_of(tmp_path: Any) -> None:
    runs, ours = Runs(), code(1, "an agent's")
    runs.add(ran(tmp_path, "run-1"))

    # It shows an older one, or a part of this one.
    assert kept(code(1, "old"), ours, runs, sight(ours, a=("run-1", ""))) == "an agent's"
    assert kept(code(1, "old"), ours, runs, sight(ours, a=("", "page-1"))) == "an agent's"
    # A person ran it after that one, and goes on.
    assert (
        kept(code(2, "a person's"), ours, runs, sight(ours, a=("run-1", "page-2"))) == "a person's"
    )
    assert runs.describe("a") == {"run": "page-2", "is_running": False}
    assert kept(code(2, "more"), ours, runs, sight(ours, a=("run-1", "page-2"))) == "more"
    # Another page does not know of that.
    assert kept(code(1, "old"), ours, runs, sight(ours, a=("run-1", "page-3"))) == "an agent's"


def test_news_are_the_cells_that_changed_since(tmp_path: Any) -> None:
    news, runs = News(), Runs()
    first = code(None, "")
    assert [each["cell"] for each in news.since(-1, 0, [first, B], runs)["changed"]] == [first, B]
    assert news.since(0, 1, [first, B], runs)["changed"] == []

    runs.add(ran(tmp_path, "run-1"))
    said = news.since(1, 2, [B, first], runs)
    assert said["changed"] == [{"cell": first, "run": "run-1", "is_running": True}]
    assert said["order"] == ["b", "a"]

    assert news.since(2, 3, [B], runs) == {
        "epoch": news.epoch,
        "revision": 3,
        "order": ["b"],
        "changed": [],
    }
