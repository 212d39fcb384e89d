"""The ledger: what it says of each call, and what is left of calls that are long over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seer_runtime.wire.ledger import SIZE, SLOTS, CallStage, Ledger, LedgerWriter

A, B = b"a" * 16, b"b" * 16


class Book:
    """Both ends."""

    def __init__(self, path: Path) -> None:
        self.path = str(path / "ledger")
        Path(self.path).unlink(missing_ok=True)
        self.reader, descriptor = Ledger.create(self.path)
        self.writer = LedgerWriter(descriptor)
        os.close(descriptor)


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path)


def test_an_empty_ledger_says_nothing(book: Book) -> None:
    assert not book.reader.is_used()
    assert book.reader.stage(A, 0) is CallStage.NOT_BEGUN
    assert list(book.reader.all_running()) == []


def test_a_call_begins_and_ends(book: Book) -> None:
    place = book.writer.begin(A, 1, 0, 0.0)
    assert book.reader.is_used()
    assert book.reader.stage(A, 1) is CallStage.BEGUN
    assert book.reader.stage(B, 1) is CallStage.NOT_BEGUN
    assert list(book.reader.running(A)) == [1]
    assert list(book.reader.running(B)) == []

    book.writer.finish(place)
    assert book.reader.stage(A, 1) is CallStage.FINISHED
    assert list(book.reader.all_running()) == []


def test_others_read_it_and_nobody_else_does(book: Book) -> None:
    book.writer.begin(A, 7, 0, 0.0)

    assert Ledger.read(book.path).stage(A, 7) is CallStage.BEGUN
    assert os.stat(book.path).st_mode & 0o777 == 0o600
    assert os.stat(book.path).st_size == SIZE
    with pytest.raises(FileExistsError):
        Ledger.create(book.path)
    with pytest.raises(OSError, match="No such file"):
        Ledger.read(book.path + ".none")


def test_a_call_that_runs_is_never_forgotten(book: Book) -> None:
    book.writer.begin(A, 1, 0, 0.0)
    for seq in range(3 * SLOTS):
        book.writer.finish(book.writer.begin(B, seq, 0, 0.0))

    assert book.reader.stage(A, 1) is CallStage.BEGUN
    assert book.reader.stage(B, 3 * SLOTS - 1) is CallStage.FINISHED
    assert book.reader.stage(B, 0) is CallStage.NOT_BEGUN


def test_there_is_room_for_all_calls_that_a_worker_is_given_at_once(book: Book) -> None:
    # 1000 connections of clients, and what the front dispatches.
    places = [book.writer.begin(A, seq, 0, 0.0) for seq in range(1000 + 64)]

    assert len(set(places)) == 1064
    assert len(list(book.reader.running(A))) == 1064


def test_a_session_whose_id_contains_another_call_is_not_mistaken_for_it(book: Book) -> None:
    inner = bytes(8) + A[:8]
    book.writer.begin(A[:8] + bytes(8), 0, 0, 0.0)
    book.writer.begin(A, int.from_bytes(A[:8], "little"), 0, 0.0)

    assert book.reader.stage(inner, 0) is CallStage.NOT_BEGUN
    assert book.reader.stage(A[8:] + A[:8], 1) is CallStage.NOT_BEGUN


def test_a_state_that_no_worker_writes_is_none(book: Book) -> None:
    place = book.writer.begin(A, 1, 0, 0.0)
    book.writer._memory[place + 24] = 77

    assert book.reader.stage(A, 1) is CallStage.NOT_BEGUN


@given(steps=st.lists(st.tuples(st.sampled_from([A, B]), st.integers(1, 60)), max_size=120))
def test_it_says_what_was_written(
    steps: list[tuple[bytes, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    book = Book(tmp_path_factory.getbasetemp())
    running: dict[tuple[bytes, int], int] = {}
    finished: set[tuple[bytes, int]] = set()
    for key in steps:
        if key in running:
            book.writer.finish(running.pop(key))
            finished.add(key)
        elif key not in finished:
            running[key] = book.writer.begin(*key, 0, 0.0)
    assert set(book.reader.all_running()) == set(running)
    for key in {*steps}:
        expected = CallStage.BEGUN if key in running else CallStage.FINISHED
        assert book.reader.stage(*key) is expected
