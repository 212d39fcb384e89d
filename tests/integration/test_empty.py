"""`empty()`: results that are born in shared memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from seer_rpc.client import Session

SOURCE = """
    import numpy as np
    import torch

    kept = []


    @expose
    def born(count: int, value: float) -> torch.Tensor:
        result = empty((2, count), torch.float32)
        result.fill_(value)
        return result


    @expose
    def born_array(count: int) -> np.ndarray:
        result = empty(count, "int16")
        result[:] = np.arange(count)
        return result


    @expose
    def born_and_kept(count: int) -> torch.Tensor:
        result = empty(count)
        result.fill_(1.0)
        kept.append(result)
        return result


    @expose
    def scribble() -> float:
        for each in kept:
            each.fill_(99.0)
        return float(sum(each.sum() for each in kept))


    @expose
    def forget() -> None:
        kept.clear()


    @expose
    def twice(count: int) -> list[torch.Tensor]:
        result = empty(count)
        result.fill_(3.0)
        return [result, result]


    @expose
    def part(count: int) -> torch.Tensor:
        result = empty(count)
        result[:] = torch.arange(count)
        return result[count // 2 :]


    @expose
    def steps(count: int, size: int):
        buffer = empty(size)
        for step in range(count):
            buffer.fill_(step)
            yield buffer
"""


@pytest.fixture(scope="module")
def session(serve_session: Callable[[str], Session]) -> Session:
    return serve_session(SOURCE)


@pytest.mark.parametrize("count", [0, 1, 1000, 1 << 20])
def test_a_result_that_is_born_there_arrives(session: Session, count: int) -> None:
    tensor = session.call("born", [count, 2.5], {})
    assert tensor.dtype == torch.float32
    assert tensor.shape == (2, count)
    assert bool((tensor == 2.5).all())
    array = session.call("born_array", [count], {})
    assert array.dtype == np.int16
    assert np.array_equal(array, np.arange(count).astype(np.int16))


def test_results_keep_their_content_while_others_come(session: Session) -> None:
    results = [session.call("born", [1 << 16, float(value)], {}) for value in range(20)]
    for value, tensor in enumerate(results):
        assert bool((tensor == value).all())


def test_what_the_caller_writes_into_a_result_is_not_in_the_next_one(session: Session) -> None:
    for _ in range(4):
        tensor = session.call("born", [1 << 16, 1.0], {})
        assert bool((tensor == 1.0).all())
        tensor.fill_(7.0)
        del tensor


def test_what_the_function_keeps_and_changes_is_not_changed_for_the_caller(
    session: Session,
) -> None:
    tensor = session.call("born_and_kept", [1 << 18], {})
    assert session.call("scribble", [], {}) == 99.0 * (1 << 18)
    assert bool((tensor == 1.0).all())
    session.call("forget", [], {})
    assert bool((tensor == 1.0).all())


def test_one_array_returned_twice_arrives_twice(session: Session) -> None:
    first, second = session.call("twice", [1 << 17], {})
    first.fill_(0.0)
    assert bool((second == 3.0).all())
    del first
    other = session.call("born", [1 << 16, 8.0], {})
    assert bool((second == 3.0).all())
    assert bool((other == 8.0).all())


def test_a_part_of_one_arrives(session: Session) -> None:
    tensor = session.call("part", [1 << 18], {})
    assert torch.equal(tensor, torch.arange(1 << 17, 1 << 18).float())


@pytest.mark.parametrize("size", [10, 1 << 17])
def test_a_buffer_that_a_generator_uses_again_arrives_as_it_was(
    session: Session, size: int
) -> None:
    items: list[Any] = list(session.call("steps", [20, size], {}))
    assert [float(item[0]) for item in items] == list(map(float, range(20)))
    assert all(bool((item == item[0]).all()) for item in items)
