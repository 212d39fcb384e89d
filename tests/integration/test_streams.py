"""Generators stream: in order, as fast as the caller takes, and only while somebody takes."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from seer_rpc.client import ResultStream, Session
from seer_rpc.environment import ScopedSandbox
from seer_rpc.errors import (
    DeadlineExceededError,
    RemoteError,
    ValueCrossingError,
    WorkerDiedError,
)
from seer_rpc.workspace import Library

SOURCE = """
import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator, Iterator

import numpy as np

ended = []


@expose
def how_ended() -> list:
    return ended


@expose
def pid() -> int:
    return os.getpid()


@expose
def count(n: int) -> Iterator[int]:
    "Count from 0."
    done = 0
    try:
        for number in range(n):
            yield number
            done += 1
    finally:
        ended.append(done)


@expose
async def count_slowly(n: int, pause: float = 0.0) -> AsyncIterator[int]:
    done = 0
    try:
        for number in range(n):
            await asyncio.sleep(pause)
            yield number
            done += 1
    finally:
        ended.append(done)


@expose
def unhinted():
    yield "one"
    yield {"two": (2,)}


@expose
def given(n: int) -> Iterator[int]:
    return map(int, count(n))


class Up:
    "What has all that `for` needs, and no more."

    def __init__(self, n):
        self.numbers = count(n)

    def __iter__(self):
        return Next(self.numbers)


class Next:
    def __init__(self, numbers):
        self.numbers = numbers

    def __next__(self):
        return next(self.numbers)


@expose
def given_barely(n: int) -> Iterator[int]:
    return Up(n)


@expose(concurrent=True)
async def undeclared():
    return count_slowly(3)


@expose
def descriptors() -> int:
    gc.disable()
    return len(os.listdir("/proc/self/fd"))


@expose
async def given_slowly(n: int) -> AsyncIterator[int]:
    return count_slowly(n)


@expose(concurrent=True)
async def given_beside(n: int) -> AsyncIterator[int]:
    "Give an iterator that wants the loop that it was made on."
    event = asyncio.Event()
    made_on = asyncio.get_running_loop()

    async def numbers():
        for number in range(n):
            made_on.call_soon(event.set)
            await event.wait()
            event.clear()
            yield number

    return numbers()


@expose
def late(pause: float) -> Iterator[float]:
    yield time.monotonic()
    time.sleep(pause)
    yield time.monotonic()


@expose
def reused() -> Iterator[list[int]]:
    items: list[int] = []
    for number in range(3):
        items.append(number)
        yield items


@expose
def arrays(n: int, size: int) -> Iterator[np.ndarray]:
    for number in range(n):
        yield np.full(size, number, "f4")


@expose
def fails(after: int) -> Iterator[int]:
    yield from range(after)
    raise ValueError("no more")


@expose
def uncrossable() -> Iterator[object]:
    yield 1
    yield [lambda: None]


@expose
def dies() -> Iterator[int]:
    yield 1
    time.sleep(0.3)
    os._exit(3)
"""

COUNTING = ["count", "count_slowly", "given", "given_barely", "given_slowly"]


@pytest.fixture(scope="module")
def session(shared: ScopedSandbox, interface_file: Callable[[str], Path]) -> Iterator[Session]:
    with Session(shared.serve(interface_file(SOURCE)).connection) as session:
        yield session


def stream(session: Session, function: str, *args: Any, **options: Any) -> ResultStream:
    result = session.call(function, args, {}, **options)
    assert isinstance(result, ResultStream)
    return result


def last_ended(session: Session) -> int:
    count = session.call("how_ended", [], {})[-1]
    assert isinstance(count, int)
    return count


@pytest.mark.parametrize("function", COUNTING)
@pytest.mark.parametrize("n", [0, 1, 2, 255, 256, 257, 5000])
def test_every_item_comes_once_and_in_order(session: Session, function: str, n: int) -> None:
    assert list(stream(session, function, n)) == list(range(n))
    assert last_ended(session) == n


def test_values_keep_their_types(session: Session) -> None:
    assert list(stream(session, "unhinted")) == ["one", {"two": (2,)}]


def test_an_item_is_sent_as_it_was_when_it_was_yielded(session: Session) -> None:
    assert list(stream(session, "reused")) == [[0], [0, 1], [0, 1, 2]]


def test_arrays_come_out_of_band(session: Session) -> None:
    arrays = list(stream(session, "arrays", 5, 1000))

    assert [array.dtype for array in arrays] == [np.dtype("f4")] * 5
    assert [float(array.sum()) for array in arrays] == [1000.0 * n for n in range(5)]


def test_the_first_item_does_not_wait_for_the_second(session: Session) -> None:
    items = stream(session, "late", 1.0)

    first = next(items)
    received = time.monotonic()

    assert first < received < next(items)


def test_the_generator_runs_no_further_than_the_caller_takes(session: Session) -> None:
    items = stream(session, "count", 10**9)

    assert list(islice(items, 5000)) == list(range(5000))
    items.close()

    # What is on its way, and what one frame holds, and no more.
    assert 5000 <= last_ended(session) <= 5000 + 2048
    assert list(items) == []


def test_large_items_are_not_piled_up(session: Session) -> None:
    taken = 0
    for array in stream(session, "arrays", 40, 1 << 20):
        taken += int(array[0] == taken)
    assert taken == 40


@pytest.mark.parametrize("function", COUNTING)
def test_to_drop_a_stream_ends_its_generator(session: Session, function: str) -> None:
    items = stream(session, function, 10**9)
    next(items)

    del items
    gc.collect()

    assert last_ended(session) < 2048


def test_breaking_out_of_a_loop_frees_the_worker(session: Session) -> None:
    for _ in stream(session, "count", 10**9):
        break
    assert last_ended(session) < 2048


def test_what_the_generator_raises_comes_behind_its_items(session: Session) -> None:
    items = stream(session, "fails", 3)

    assert list(islice(items, 3)) == [0, 1, 2]
    with pytest.raises(ValueError, match="no more") as caught:
        next(items)
    assert isinstance(caught.value, RemoteError)
    assert "in fails" in caught.value.remote_traceback
    assert list(items) == []


def test_an_item_that_cannot_cross_is_named(session: Session) -> None:
    items = stream(session, "uncrossable")

    assert next(items) == 1
    with pytest.raises(ValueCrossingError, match=r"item 1 of uncrossable\(\)\[0\]"):
        next(items)


def test_a_deadline_holds_for_the_whole_stream(session: Session) -> None:
    items = stream(session, "count_slowly", 10**9, 0.01, timeout=1.0)

    with pytest.raises(DeadlineExceededError):
        for _ in items:
            pass
    assert 0 < last_ended(session) <= 100


def test_async_callers_iterate_too(session: Session) -> None:
    async def take() -> list[list[int]]:
        async def one() -> list[int]:
            return [item async for item in await session.call_async("count", [500], {})]

        return list(await asyncio.gather(one(), one()))

    assert asyncio.run(take()) == [list(range(500))] * 2


def test_an_async_iterator_keeps_the_loop_that_it_was_made_on(session: Session) -> None:
    async def take() -> list[list[int]]:
        async def one() -> list[int]:
            return [item async for item in await session.call_async("given_beside", [300], {})]

        return list(await asyncio.gather(one(), one()))

    assert asyncio.run(take()) == [list(range(300))] * 2


def test_loops_of_threads_leave_no_descriptors(session: Session) -> None:
    with ThreadPoolExecutor(8) as pool:
        for _ in range(2):
            before = session.call("descriptors", [], {})
            streams = pool.map(lambda _: list(stream(session, "given_beside", 2)), range(50))
            assert list(streams) == [[0, 1]] * 50

    # Threads have one loop each, and those that are new one more; callers have connections.
    assert session.call("descriptors", [], {}) < before + 100


def test_an_iterator_that_no_hint_speaks_of_is_refused_with_what_to_do(session: Session) -> None:
    with pytest.raises(
        ValueCrossingError, match=r"async_generator: .* hint the result as Iterator"
    ):
        session.call("undeclared", [], {})


def test_a_cancelled_reader_ends_the_generator(session: Session) -> None:
    async def give_up() -> None:
        items = await session.call_async("count_slowly", [10**9, 0.05], {})
        async with asyncio.timeout(0.3):
            async for _ in items:
                pass

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())

    assert last_ended(session) < 20


def test_generated_libraries_give_iterators(
    shared: ScopedSandbox,
    interface_file: Callable[[str], Path],
    import_library: Callable[[Library], ModuleType],
) -> None:
    library = shared.serve(interface_file(SOURCE))
    tools = import_library(library)

    assert list(tools.count(3)) == [0, 1, 2]
    assert tools.count.__annotations__["return"].endswith("Iterator[int]")
    assert "count(n: int) -> Iterator[int]" in library.docs

    async def take() -> list[int]:
        return [item async for item in tools.aio.count(3)]

    __import__(f"{tools.__name__}.aio")
    assert asyncio.run(take()) == [0, 1, 2]


def test_a_worker_that_dies_ends_its_stream(session: Session) -> None:
    items = stream(session, "dies")

    assert next(items) == 1
    with pytest.raises(WorkerDiedError) as caught:
        next(items)
    assert caught.value.exit_code == 3
    assert caught.value.started
    assert list(stream(session, "count", 2)) == [0, 1]
