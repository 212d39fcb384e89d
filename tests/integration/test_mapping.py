"""`client.map`: many calls on their way at a time."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from functools import partial

import pytest

from seer_rpc import client
from seer_rpc.client import Session
from seer_rpc.errors import ArgumentError

SOURCE = """
    import threading
    import time

    together = threading.Barrier(4)


    @expose
    def square(number: int) -> int:
        if number == 13:
            raise ValueError("thirteen")
        return number * number


    @expose(concurrent=True)
    def meet(number: int) -> int:
        # Nobody passes alone.
        together.wait(60)
        return number
"""


@pytest.fixture(scope="module")
def session(serve_session: Callable[[str], Session]) -> Session:
    return serve_session(SOURCE)


def call(session: Session, function: str, item: int) -> int:
    return int(session.call(function, [item], {}))


def test_results_come_in_the_order_of_the_items(session: Session) -> None:
    results = client.map(partial(call, session, "square"), range(100, 400))
    assert list(results) == [number * number for number in range(100, 400)]


def test_calls_are_on_their_way_together(session: Session) -> None:
    results = client.map(partial(call, session, "meet"), range(8), at_once=4)
    assert list(results) == list(range(8))


def test_items_are_taken_no_further_ahead_than_needed(session: Session) -> None:
    taken = itertools.count()
    results = client.map(partial(call, session, "square"), (next(taken) for _ in range(1000)), 5)
    assert [next(results) for _ in range(3)] == [0, 1, 4]
    results.close()  # type: ignore[attr-defined]
    assert next(taken) <= 9


def test_an_error_is_raised_in_its_place_and_ends_the_rest(session: Session) -> None:
    results = client.map(partial(call, session, "square"), range(10, 20), 4)
    assert [next(results) for _ in range(3)] == [100, 121, 144]
    with pytest.raises(ValueError, match="thirteen"):
        next(results)
    assert list(results) == []


def test_no_items_make_no_calls_and_no_threads(session: Session) -> None:
    before = set(threading.enumerate())
    assert list(client.map(partial(call, session, "square"), [])) == []
    assert set(threading.enumerate()) <= before


def test_less_than_one_call_at_once_is_an_error(session: Session) -> None:
    with pytest.raises(ArgumentError, match="at least one"):
        client.map(partial(call, session, "square"), [1], at_once=0)
