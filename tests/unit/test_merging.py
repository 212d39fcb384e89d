"""What a person saves and what was done here meanwhile become one notebook."""

from __future__ import annotations

from typing import Any

from seer_runtime.kernel.jupyter.merging import Cell, Sight, merge
from seer_runtime.kernel.jupyter.news import News


def cell(cell_id: str, source: str, kind: str = "markdown", **more: Any) -> Cell:
    return {"cell_type": kind, "id": cell_id, "metadata": {}, "source": source, **more}


def sight(*heard: Cell) -> Sight:
    """What a page that follows says."""
    return Sight({each["id"]: {**each, "run": "", "own_run": ""} for each in heard})


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


def test_news_are_the_cells_that_changed_since() -> None:
    news = News()
    assert [each["cell"] for each in news.since(-1, 0, [A, B], {})["changed"]] == [A, B]
    assert news.since(0, 1, [A, B], {})["changed"] == []

    said = news.since(1, 2, [B, A], {"a": "run-1"}, {"a"})
    assert said["changed"] == [{"cell": A, "run": "run-1", "is_running": True}]
    assert said["order"] == ["b", "a"]

    assert news.since(2, 3, [B], {}) == {
        "epoch": news.epoch,
        "revision": 3,
        "order": ["b"],
        "changed": [],
    }
