"""The numbers of calls: what is known of their answers, and how many there may be at once."""

from __future__ import annotations

import threading
import time
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seer_rpc.client.groups import CallGroup
from seer_rpc.client.numbers import CallNumbers
from seer_rpc.errors import CallCancelledError
from seer_runtime.wire.limits import WINDOW


@given(st.lists(st.one_of(st.just(0), st.integers(1, 40)), max_size=200))
def test_the_mark_is_the_last_number_below_which_all_are_answered(steps: list[int]) -> None:
    numbers = CallNumbers()
    given_out: list[int] = []
    answered: set[int] = set()
    for step in steps:
        if step == 0:
            given_out.append(numbers.next())
        elif step <= len(given_out) and step not in answered:
            numbers.answer(step)
            answered.add(step)
        expected = next(seq for seq in range(1, 1000) if seq not in answered) - 1
        assert numbers.acked == expected
    assert given_out == list(range(1, len(given_out) + 1))


@given(st.permutations(range(1, 30)))
def test_whatever_the_order_of_answers_all_are_counted(order: list[int]) -> None:
    numbers = CallNumbers()
    for _ in order:
        numbers.next()
    for seq in order:
        numbers.answer(seq)

    assert numbers.acked == 29
    assert not numbers._answered


def filled() -> CallNumbers:
    numbers = CallNumbers()
    for _ in range(WINDOW):
        numbers.next()
    return numbers


def test_there_is_room_for_a_window_of_calls() -> None:
    numbers = filled()
    assert numbers.is_full
    assert numbers.try_next() is None

    # Only the oldest makes room.
    numbers.answer(2)
    assert numbers.try_next() is None
    numbers.answer(1)

    assert [numbers.try_next(), numbers.try_next(), numbers.try_next()] == [
        WINDOW + 1,
        WINDOW + 2,
        None,
    ]


def test_whoever_waits_for_room_goes_on_when_there_is_some() -> None:
    numbers = filled()
    got: list[int] = []
    waiting = [threading.Thread(target=lambda: got.append(numbers.next())) for _ in range(3)]
    for each in waiting:
        each.start()
    time.sleep(0.05)
    assert got == []

    for seq in (3, 2, 1):
        numbers.answer(seq)
    for each in waiting:
        each.join(60)

    assert sorted(got) == [WINDOW + 1, WINDOW + 2, WINDOW + 3]


def test_nobody_waits_for_room_in_a_session_that_is_over() -> None:
    numbers = filled()
    waiting = threading.Thread(target=numbers.next)
    waiting.start()

    numbers.close()
    waiting.join(60)

    assert not waiting.is_alive()


def test_an_interrupted_wait_takes_no_number_along(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = filled()

    def interrupt(timeout: float | None = None) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(numbers._room, "wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        numbers.next()
    numbers.answer(1)

    assert numbers.try_next() == WINDOW + 1


def test_an_answer_may_come_while_another_one_is_counted() -> None:
    numbers = CallNumbers()
    numbers.next()

    def drop_a_stream_meanwhile() -> None:
        with numbers._lock:
            numbers.answer(1)

    # The garbage collector runs wherever it likes, and drops streams that nobody reads.
    dropping = threading.Thread(target=drop_a_stream_meanwhile, daemon=True)
    dropping.start()
    dropping.join(60)

    assert not dropping.is_alive()
    assert numbers.acked == 1


def test_a_group_may_be_given_up_while_a_call_is_added_to_it() -> None:
    group = CallGroup()
    relay = Mock()
    group.add(relay, Mock(seq=1))

    def drop_what_gives_it_up(_: int) -> bool:
        relay.numbers.lacks.side_effect = None
        group.give_up()
        return True

    relay.numbers.lacks.side_effect = drop_what_gives_it_up
    outcome: list[type[BaseException]] = []

    def add() -> None:
        try:
            group.add(relay, Mock(seq=2))
        except CallCancelledError as error:
            outcome.append(type(error))

    adding = threading.Thread(target=add, daemon=True)
    adding.start()
    adding.join(60)

    assert outcome == [CallCancelledError]
    assert [call.args[0].seq for call in relay.abandon.mock_calls] == [1]
