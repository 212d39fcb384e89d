"""`with_options` of a generated library: deadlines and progress of the calls of one block."""

from __future__ import annotations

import asyncio
import importlib
import math
import threading
from collections.abc import Callable, Hashable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from seer_rpc import client
from seer_rpc.environment import ScopedSandbox
from seer_rpc.errors import ArgumentError, DeadlineExceededError
from seer_rpc.workspace import Library

SOURCE = """
import asyncio
from collections.abc import AsyncIterator


@expose(concurrent=True)
async def nap(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


@expose(concurrent=True, timeout=0.3)
async def short_nap(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


@expose
async def ticks(count: int, seconds: float) -> AsyncIterator[int]:
    for number in range(count):
        yield number
        await asyncio.sleep(seconds)


@expose(timeout=0.3)
async def short_ticks(count: int, seconds: float) -> AsyncIterator[int]:
    for number in range(count):
        yield number
        await asyncio.sleep(seconds)


@expose(concurrent=True)
def work(steps: int) -> int:
    for step in range(steps):
        progress(step + 1, steps, f"step {step + 1}")
    return steps
"""

Heard = list[tuple[str, float | None]]


@pytest.fixture(scope="module")
def tools(
    shared: ScopedSandbox,
    interface_file: Callable[[str], Path],
    import_library: Callable[[Library], ModuleType],
) -> Any:
    """Give the library of an interface that takes its time."""
    library = import_library(shared.serve(interface_file(SOURCE), name="options_tools"))
    importlib.import_module(f"{library.__name__}.aio")
    library.work(1)
    return library


def listener(heard: Heard) -> Callable[..., None]:
    """Give what writes down who reports how much is done."""

    def hear(
        call: Hashable, function: str, done: float | None, total: float | None, message: str
    ) -> None:
        heard.append((function, done))

    return hear


def test_a_limit_holds_inside_its_block_and_nowhere_else(tools: Any) -> None:
    with tools.with_options(timeout=0.2), pytest.raises(DeadlineExceededError):
        tools.nap(30.0)

    assert tools.nap(0.4) == 0.4


def test_the_inner_block_counts_and_the_outer_one_comes_back(tools: Any) -> None:
    with tools.with_options(timeout=0.2):
        with tools.with_options(timeout=20.0):
            assert tools.nap(0.4) == 0.4
        with tools.with_options(timeout=None):
            assert tools.nap(0.4) == 0.4
        with pytest.raises(DeadlineExceededError):
            tools.nap(30.0)


def test_a_block_that_an_error_ends_is_over(tools: Any) -> None:
    with pytest.raises(ZeroDivisionError), tools.with_options(timeout=0.2):
        raise ZeroDivisionError

    assert tools.nap(0.4) == 0.4


def test_the_interfaces_own_limit_holds_where_the_caller_gives_none(tools: Any) -> None:
    with pytest.raises(DeadlineExceededError):
        tools.short_nap(30.0)
    with pytest.raises(DeadlineExceededError):
        asyncio.run(tools.aio.short_nap(30.0))
    heard: Heard = []
    # Options that say nothing of time leave it as it is.
    with tools.with_options(on_progress=listener(heard)), pytest.raises(DeadlineExceededError):
        tools.short_nap(30.0)


def test_a_caller_may_give_more_time_than_the_interface_or_any(tools: Any) -> None:
    with tools.with_options(timeout=20.0):
        assert tools.short_nap(0.5) == 0.5
    with tools.with_options(timeout=None):
        assert tools.short_nap(0.5) == 0.5


def test_the_limit_of_a_stream_is_for_all_of_it(tools: Any) -> None:
    with tools.with_options(timeout=1.0):
        stream = tools.ticks(1000, 0.1)

    numbers: list[int] = []
    with pytest.raises(DeadlineExceededError):
        numbers.extend(stream)
    assert 1 <= len(numbers) <= 10


def test_the_interfaces_own_limit_is_for_streams_too(tools: Any) -> None:
    with pytest.raises(DeadlineExceededError):
        list(tools.short_ticks(1000, 0.05))
    with tools.with_options(timeout=None):
        assert list(tools.short_ticks(8, 0.05)) == list(range(8))


def test_an_async_stream_has_the_options_of_where_it_was_made(tools: Any) -> None:
    async def read() -> list[int]:
        with tools.with_options(timeout=0.5):
            stream = tools.aio.ticks(1000, 0.05)
        return [number async for number in stream]

    with pytest.raises(DeadlineExceededError):
        asyncio.run(read())


def test_tasks_and_threads_have_options_of_their_own(tools: Any) -> None:
    async def hurried() -> None:
        with tools.with_options(timeout=0.2):
            await tools.aio.nap(30.0)

    async def patient() -> float:
        await asyncio.sleep(0.05)
        return float(await tools.aio.nap(0.5))

    async def both() -> Any:
        return await asyncio.gather(hurried(), patient(), return_exceptions=True)

    given_up, waited_for = asyncio.run(both())
    assert isinstance(given_up, DeadlineExceededError)
    assert waited_for == 0.5

    results: list[float] = []
    with tools.with_options(timeout=0.2):
        thread = threading.Thread(target=lambda: results.append(tools.nap(0.5)))
        thread.start()
        thread.join()
    assert results == [0.5]


def test_calls_that_map_makes_have_the_options_around_it(tools: Any) -> None:
    with tools.with_options(timeout=0.2), pytest.raises(DeadlineExceededError):
        list(client.map(tools.nap, [30.0, 30.0]))


def test_progress_is_heard_by_who_asks_for_it(tools: Any) -> None:
    outer: Heard = []
    inner: Heard = []
    with tools.with_options(on_progress=listener(outer)):
        tools.work(2)
        with tools.with_options(timeout=20.0):
            tools.work(1)
        with tools.with_options(on_progress=listener(inner)):
            asyncio.run(tools.aio.work(3))
    tools.work(4)

    assert outer[-1] == ("work", None)
    assert {done for _, done in outer} == {1.0, 2.0, None}
    assert [done for _, done in inner][-2:] == [3.0, None]


@pytest.mark.parametrize("timeout", [0, -1.0, math.nan, math.inf, 1e9])
def test_a_time_that_no_call_can_take_is_refused_at_once(tools: Any, timeout: float) -> None:
    with pytest.raises(ArgumentError, match="timeout="), tools.with_options(timeout=timeout):
        pytest.fail("the block was entered")
