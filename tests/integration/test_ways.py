"""Whichever way a call takes to the worker, the caller sees the same."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seer_rpc.client import Session
from seer_rpc.environment import ScopedSandbox
from seer_rpc.errors import (
    ArgumentError,
    CallCancelledError,
    DeadlineExceededError,
    FunctionMissingError,
    RemoteError,
    SessionError,
    StateLostError,
    ValueCrossingError,
    WorkerDiedError,
)
from tests.integration.ways import (
    DIRECT,
    NETWORKED,
    WAYS,
    await_running,
    held,
    open_session,
    running,
)
from tests.pids import on_host

SOURCE = """
import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator

import numpy as np
import torch


kept = []


@expose
def processes() -> list[int]:
    return [os.getppid(), os.getpid()]


@expose
def echo(value):
    return value


@expose
def steps(count: int) -> int:
    for step in range(count):
        progress(step + 1, count)
        time.sleep(0.06)
    return count


@expose
def keep(value) -> int:
    kept.append(value)
    return len(kept)


@expose
def give_back() -> list:
    return [kept.pop(0) for _ in range(len(kept))]


@expose
def full(size: int, value: int) -> np.ndarray:
    return np.full(size, value, np.int64)


@expose
def arrays(count: int, size: int) -> list[np.ndarray]:
    return [np.full(size, number, np.int32) for number in range(count)]


@expose
def fail(text: str) -> None:
    raise ValueError(text)


@expose
def uncrossable():
    return lambda: None


@expose
def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@expose
async def wait(seconds: float) -> None:
    await asyncio.sleep(seconds)


@expose
def count(end: int) -> Iterator[int]:
    yield from range(end)


@expose
async def acount(end: int) -> AsyncIterator[int]:
    for number in range(end):
        yield number


@expose
def large_items(end: int, size: int) -> Iterator[bytes]:
    for number in range(end):
        yield bytes([number]) * size


@expose
def array_items(end: int, size: int) -> Iterator[np.ndarray]:
    for number in range(end):
        yield np.full(size, number)


@expose
def fail_after(end: int) -> Iterator[int]:
    yield from range(end)
    raise KeyError("late")


@expose
def limit_files() -> None:
    import resource
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))


@expose
def unlimit_files() -> None:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""

LARGE = 300 << 10
LARGER = 5 << 20

VALUES: dict[str, Any] = {
    "none": None,
    "text": "naïve 🚀",
    "long text": "xyz" * 300_000,
    "nested": {"a": [1, (2.5, None)], "b": {b"k"}},
    "long list": list(range(100_000)),
    "bytes": bytes(range(256)) * (LARGE // 256),
    "larger bytes": os.urandom(LARGER),
    "bytes in a list": [b"a" * LARGE, b"b" * LARGER, b"", b"c"],
    "bytes in a dict": {"x": b"a" * LARGE, "y": [b"b" * LARGE]},
    "deep bytes": {"x": [{"y": (b"a" * LARGE,)}]},
    "empty array": np.empty((0, 3)),
    "array": np.arange(100_000.0).reshape(100, -1),
    "transposed": np.arange(200_000).reshape(400, 500).T,
    "many arrays": [np.full(50, number) for number in range(1000)],
    "many large arrays": [np.full(20_000, number) for number in range(200)],
    "tensor": torch.arange(300_000).to(torch.bfloat16),
    "array and bytes": [np.ones(100_000), b"z" * LARGE, torch.ones(7)],
}


def equal(left: Any, right: Any) -> bool:
    if isinstance(left, list | tuple):
        same_length = len(left) == len(right)
        return same_length and all(equal(*pair) for pair in zip(left, right, strict=True))
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and bool(np.array_equal(left, right))
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)
    return type(left) is type(right) and bool(left == right)


def restart(sandbox: ScopedSandbox, session: Session) -> None:
    """Kill the worker, and wait until the session calls the next one directly."""
    epoch = session.epoch
    os.kill(on_host(sandbox, session.call("processes", [], {}))[1], signal.SIGKILL)
    deadline = time.monotonic() + 60
    while session.epoch == epoch or session._direct is None or session._direct.epoch == epoch:
        assert time.monotonic() < deadline
        with contextlib.suppress(StateLostError, WorkerDiedError):
            session.call("echo", [1], {})
        time.sleep(0.02)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ScopedSandbox]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SEER_BACKEND", raising=False)
        sandbox = ScopedSandbox(NETWORKED).start()
    with sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def name(sandbox: ScopedSandbox, interface_file: Callable[[str], Path]) -> str:
    return sandbox.serve(interface_file(SOURCE)).name


@pytest.fixture(params=WAYS)
def session(request: pytest.FixtureRequest, sandbox: ScopedSandbox, name: str) -> Iterator[Session]:
    with open_session(sandbox, name, request.param) as session:
        yield session


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_values_arrive_as_they_are(session: Session, value: Any) -> None:
    assert equal(session.call("echo", [value], {}), value)
    assert equal(asyncio.run(session.call_async("echo", [], {"value": value})), value)


def test_errors_are_the_same(session: Session) -> None:
    with pytest.raises(ValueError, match="too far") as raised:
        session.call("fail", ["too far"], {})
    assert isinstance(raised.value, RemoteError)
    assert "in fail" in raised.value.remote_traceback
    with pytest.raises(ArgumentError, match="end"):
        session.call("count", ["many"], {})
    with pytest.raises(FunctionMissingError, match="did you mean"):
        session.call("ecko", [1], {})
    with pytest.raises(ValueCrossingError, match="result of uncrossable"):
        session.call("uncrossable", [], {})
    with pytest.raises(ValueCrossingError, match="argument 0"):
        session.call("echo", [object()], {})
    with pytest.raises(DeadlineExceededError, match=r"0\.2 s"):
        session.call("wait", [30.0], {}, timeout=0.2)
    assert session.call("echo", [1], {}) == 1


def test_streams_are_the_same(session: Session) -> None:
    assert list(session.call("count", [3000], {})) == list(range(3000))
    assert list(session.call("acount", [3], {})) == [0, 1, 2]
    assert list(session.call("count", [0], {})) == []
    items = list(session.call("large_items", [5, LARGE], {}))
    assert items == [bytes([number]) * LARGE for number in range(5)]
    arrays = list(session.call("array_items", [40, 100_000], {}))
    assert all((array == number).all() for number, array in enumerate(arrays))
    stream = session.call("fail_after", [3], {})
    assert [next(stream), next(stream), next(stream)] == [0, 1, 2]
    with pytest.raises(KeyError, match="late"):
        next(stream)

    async def take() -> list[int]:
        stream = await session.call_async("count", [2000], {})
        return [number async for number in stream]

    assert asyncio.run(take()) == list(range(2000))


def test_progress_of_a_call_goes_to_whoever_asked_for_that_one(session: Session) -> None:
    heard: list[float | None] = []

    session.call("steps", [3], {}, on_progress=lambda *report: heard.append(report[2]))
    asyncio.run(session.call_async("steps", [1], {}, on_progress=lambda *r: heard.append(r[2])))
    session.call("steps", [2], {})

    assert heard == [1.0, 2.0, 3.0, None, 1.0, None]


def test_a_stream_that_is_left_early_holds_up_nobody(session: Session) -> None:
    for _ in range(20):
        stream = session.call("count", [10**9], {})
        assert next(stream) == 0
        stream.close()

    # One that went on would wait for ever for somebody who takes its items.
    assert session.call("echo", [1], {}, timeout=60) == 1


def test_a_result_is_the_callers_own(session: Session) -> None:
    first = session.call("full", [100_000, 1], {})
    first[:] = 9
    held_longer = first[5:10]
    del first
    gc.collect()

    for value in range(2, 8):
        assert (session.call("full", [100_000, value], {}) == value).all()
    assert (held_longer == 9).all()


def test_results_stay_as_they_are_for_as_long_as_they_are_held(session: Session) -> None:
    results = {value: session.call("full", [50_000, value], {}) for value in range(60)}
    for value in range(0, 60, 2):
        del results[value]
    for value in range(100, 160):
        results[value] = session.call("full", [50_000, value], {})

    assert all((array == value).all() for value, array in results.items())


def test_arguments_stay_as_they_are_for_as_long_as_the_interface_holds_them(
    session: Session,
) -> None:
    for value in range(40):
        session.call("keep", [np.full(50_000, value)], {})
        session.call("echo", [np.full(50_000, -1)], {})

    assert all(
        (array == value).all() for value, array in enumerate(session.call("give_back", [], {}))
    )


@pytest.mark.parametrize("way", WAYS)
def test_results_outlive_their_session(sandbox: ScopedSandbox, name: str, way: str) -> None:
    results: dict[int, np.ndarray] = {}
    for value in range(0, 100, 10):
        with open_session(sandbox, name, way) as session:
            for number in range(value, value + 10):
                results[number] = session.call("full", [50_000, number], {})

    assert all((array == value).all() for value, array in results.items())


def test_results_outlive_their_worker(scoped: ScopedSandbox, interface_file: Any) -> None:
    with Session(scoped.connection(scoped.serve(interface_file(SOURCE)).name)) as session:
        old = [session.call("full", [50_000, value], {}) for value in range(5)]
        restart(scoped, session)
        new = [session.call("full", [50_000, 100 + value], {}) for value in range(5)]
        assert all((array == value).all() for value, array in enumerate(old))
        # The new worker's blocks have the numbers of these.
        del old
        gc.collect()
        session.call("echo", [1], {})
        time.sleep(0.1)
        more = [session.call("full", [50_000, 200 + value], {}) for value in range(5)]

        assert all((array == 100 + value).all() for value, array in enumerate(new))
        assert all((array == 200 + value).all() for value, array in enumerate(more))


def test_large_arguments_go_directly_to_a_worker_that_is_new(
    scoped: ScopedSandbox, interface_file: Any
) -> None:
    with Session(scoped.connection(scoped.serve(interface_file(SOURCE)).name)) as session:
        values = np.arange(100_000)
        session.call("echo", [values], {})
        restart(scoped, session)
        assert session._direct is not None
        before = set(session._direct._channels)

        assert (session.call("echo", [values], {}) == values).all()
        assert set(session._direct._channels) == before


def test_more_callers_than_there_are_connections(session: Session) -> None:
    with ThreadPoolExecutor(150) as callers:
        results = list(callers.map(lambda value: session.call("echo", [value], {}), range(1000)))

    assert results == list(range(1000))


def test_more_tasks_than_the_window(session: Session) -> None:
    async def call_all() -> list[int]:
        calls = [session.call_async("echo", [value], {}) for value in range(1500)]
        return await asyncio.wait_for(asyncio.gather(*calls), 60)

    assert asyncio.run(call_all()) == list(range(1500))


def test_a_large_call_to_a_busy_worker_keeps_its_deadline(
    sandbox: ScopedSandbox, name: str, session: Session
) -> None:
    other = open_session(sandbox, name, DIRECT)
    busy = threading.Thread(target=other.call, args=("nap", [2.5], {}))
    busy.start()
    await_running(other)

    with pytest.raises(DeadlineExceededError) as missed:
        # Too large for the buffers of a socket, too small for shared memory.
        session.call("echo", [[1.5] * 27_000], {}, timeout=0.3)

    assert missed.value.started is False
    assert running(other)
    busy.join()
    other.close()


def test_a_large_call_to_a_busy_worker_does_not_hold_up_the_event_loop(session: Session) -> None:
    async def look() -> int:
        nap = asyncio.create_task(session.call_async("nap", [1.0], {}))
        await asyncio.sleep(0.1)
        call = asyncio.create_task(session.call_async("echo", [[1.5] * 27_000], {}))
        turns = 0
        while not call.done():
            await asyncio.sleep(0.01)
            turns += 1
        await asyncio.gather(nap, call)
        return turns

    assert asyncio.run(look()) > 5


def test_values_cross_where_the_worker_gets_no_shared_memory(session: Session) -> None:
    session.call("limit_files", [], {})
    try:
        for value in (VALUES["larger bytes"], VALUES["array"], VALUES["array and bytes"]):
            assert equal(session.call("echo", [value], {}), value)
        assert (session.call("full", [900_000, 7], {}) == 7).all()
        items = list(session.call("array_items", [3, 100_000], {}))
        assert all((item == number).all() for number, item in enumerate(items))
    finally:
        session.call("unlimit_files", [], {})


def test_held_results_leave_descriptors_for_the_user(
    sandbox: ScopedSandbox, name: str, session: Session
) -> None:
    _, worker = on_host(sandbox, session.call("processes", [], {}))
    before = held(os.getpid())["descriptors"]

    results = session.call("arrays", [3000, 1000], {})
    results.extend(session.call("arrays", [1, 20_000], {}) for _ in range(1500))

    assert held(os.getpid())["descriptors"] - before <= 1100
    assert held(worker)["descriptors"] <= 2500
    assert len(results) == 4500


@pytest.mark.parametrize("way", WAYS)
def test_closing_a_session_ends_its_call(sandbox: ScopedSandbox, name: str, way: str) -> None:
    for _ in range(3):
        session = open_session(sandbox, name, way, lease=600.0)
        other = open_session(sandbox, name, DIRECT)
        stream = session.call("count", [10**9], {})
        next(stream)
        session.close()

        # Not only when the lease is over.
        assert other.call("echo", [1], {}, timeout=60) == 1
        # What the worker says of the call may come first.
        with pytest.raises((SessionError, CallCancelledError)):
            for _ in stream:
                pass
        other.close()
