"""Calls that run together: concurrent functions, batches, fairness, repeated calls."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import ScopedSandbox
from seer_rpc.errors import (
    CallCancelledError,
    DeadlineExceededError,
    InterfaceLoadError,
    StateLostError,
    WorkerDiedError,
)
from seer_rpc.workspace import Library
from tests.integration.ways import (
    DIRECT,
    DOOR,
    NETWORKED,
    WAYS,
    await_running,
    open_session,
    running,
)
from tests.pids import on_host

SOURCE = '''
import asyncio
import os
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

gate = threading.Barrier(3)
together = Counter()
most = Counter()
batches = []
order = []


class Together:
    """Counts how many are inside at once."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        together[self.name] += 1
        most[self.name] = max(most[self.name], together[self.name])

    def __exit__(self, *_):
        together[self.name] -= 1


@expose
def worker() -> int:
    return os.getpid()


@expose
def most_together(name: str) -> int:
    return most[name]


@expose
def alone(seconds: float) -> None:
    with Together("alone"):
        time.sleep(seconds)


@expose
async def alone_async(seconds: float) -> None:
    with Together("alone"):
        await asyncio.sleep(seconds)


@expose(concurrent=True)
def meet() -> int:
    return gate.wait(60)


@expose(concurrent=True)
def beside(seconds: float) -> str:
    with Together("threads"):
        time.sleep(seconds)
    return threading.current_thread().name


@expose(concurrent=True)
async def beside_async(seconds: float) -> str:
    with Together("tasks"):
        await asyncio.sleep(seconds)
    return threading.current_thread().name


@expose(concurrent=True)
def beside_until(file: str) -> str:
    with Together("threads"):
        while not Path(file).exists():
            time.sleep(0.01)
    return threading.current_thread().name


@expose(concurrent=True)
async def beside_until_async(file: str) -> str:
    with Together("tasks"):
        while not Path(file).exists():
            await asyncio.sleep(0.01)
    return threading.current_thread().name


@expose(concurrent=True)
async def fail_async(text: str) -> None:
    await asyncio.sleep(0)
    raise ValueError(text)


@expose(concurrent=True)
def never() -> None:
    while True:
        try:
            time.sleep(0.01)
        except BaseException:
            pass


@expose(concurrent=True)
def stream(end: int) -> Iterator[int]:
    for number in range(end):
        time.sleep(0.01)
        yield number


@expose(concurrent=True)
async def stream_async(end: int) -> AsyncIterator[int]:
    for number in range(end):
        await asyncio.sleep(0.01)
        yield number


@expose(concurrent=True)
def tell(name: str, steps: int) -> str:
    for step in range(steps):
        progress(step + 1, steps, name)
        time.sleep(0.06)
    return name


@expose(concurrent=True)
async def tell_async(name: str, steps: int) -> str:
    for step in range(steps):
        progress(step + 1, steps, name)
        await asyncio.sleep(0.06)
    return name


@expose(batch=True, max_batch=8, max_wait_ms=300)
def double(numbers: list[int], names: list[str]) -> list[str]:
    """Double a number.

    Args:
        numbers: What to double.
    """
    batches.append(len(numbers))
    if 13 in numbers:
        raise RuntimeError("all of them")
    if 99 in numbers:
        return ["too few"]
    return [
        KeyError(name) if number < 0 else f"{name}: {2 * number}"
        for number, name in zip(numbers, names, strict=True)
    ]


@expose(batch=True, max_batch=4, max_wait_ms=300)
async def double_async(numbers: list[int]) -> list[int]:
    await asyncio.sleep(0.5)
    return [2 * number for number in numbers]


@expose(batch=True, max_wait_ms=0)
def quick(numbers: list[int]) -> list[int]:
    return numbers


@expose
def batch_sizes() -> list[int]:
    return [batches.pop(0) for _ in range(len(batches))]


@expose
def mark(name: str, seconds: float) -> None:
    order.append(name)
    time.sleep(seconds)


@expose
def marks() -> list[str]:
    return [order.pop(0) for _ in range(len(order))]


def die(path: str, times: int) -> int:
    with open(path, "a") as file:
        file.write("x")
    runs = len(Path(path).read_text())
    if runs <= times:
        os.kill(os.getpid(), 9)
    return runs


@expose(idempotent=True)
def die_and_run(path: str, times: int) -> int:
    return die(path, times)


@expose
def die_once(path: str, times: int) -> int:
    return die(path, times)


@expose(idempotent=True)
def nap_again(seconds: float) -> float:
    time.sleep(seconds)
    return seconds
'''


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ScopedSandbox]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SEER_BACKEND", raising=False)
        # Its functions write to files that the tests read.
        sandbox = ScopedSandbox(dataclasses.replace(NETWORKED, isolation="none")).start()
    with sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def library(sandbox: ScopedSandbox, interface_file: Callable[[str], Path]) -> Library:
    return sandbox.serve(interface_file(SOURCE))


@pytest.fixture(params=[DIRECT, DOOR])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def session(sandbox: ScopedSandbox, library: Library, way: str) -> Iterator[Session]:
    with open_session(sandbox, library.name, way) as session:
        yield session


def all_at_once(session: Session, function: str, *arguments: tuple[Any, ...]) -> list[Any]:
    """Make calls at once; give their results and errors."""

    async def make() -> list[Any]:
        calls = [session.call_async(function, each, {}) for each in arguments]
        return await asyncio.gather(*calls, return_exceptions=True)

    return asyncio.run(make())


def later(session: Session, function: str, *args: Any, **options: Any) -> Future[Any]:
    """Make a call on a thread of its own."""
    future: Future[Any] = Future()

    def make() -> None:
        try:
            future.set_result(session.call(function, args, {}, **options))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=make, daemon=True).start()
    return future


def test_calls_run_one_at_a_time_unless_they_say_otherwise(session: Session) -> None:
    all_at_once(session, "alone", *[(0.02,)] * 8)
    all_at_once(session, "alone_async", *[(0.02,)] * 8)

    assert session.call("most_together", ["alone"], {}) == 1


def test_concurrent_functions_run_on_threads_that_meet(session: Session) -> None:
    assert sorted(all_at_once(session, "meet", (), (), ())) == [0, 1, 2]


def test_concurrent_calls_overlap(
    session: Session, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    file = tmp_path / "go on"
    threads = [later(session, "beside_until", str(file)) for _ in range(10)]
    tasks = [later(session, "beside_until_async", str(file)) for _ in range(40)]

    # These run beside them, too.
    wait_until(lambda: session.call("most_together", ["threads"], {}) > 5)
    wait_until(lambda: session.call("most_together", ["tasks"], {}) > 30)
    assert not any(each.done() for each in (*threads, *tasks))
    file.touch()
    assert "MainThread" not in [each.result(60) for each in threads]
    assert {each.result(60) for each in tasks} == {"MainThread"}


def test_the_errors_of_concurrent_calls_are_their_own(session: Session) -> None:
    texts = [f"error {number}" for number in range(20)]
    errors = all_at_once(session, "fail_async", *[(text,) for text in texts])

    assert [str(each).splitlines()[0] for each in errors] == [f"ValueError: {t}" for t in texts]


def test_concurrent_streams_are_kept_apart(session: Session) -> None:
    for function in ("stream", "stream_async"):
        with ThreadPoolExecutor(6) as callers:
            streams = callers.map(lambda end: list(session.call(function, [end], {})), range(6))  # noqa: B023
            assert list(streams) == [list(range(end)) for end in range(6)]


def test_cancelling_one_concurrent_call_leaves_the_others_alone(session: Session) -> None:
    async def cancel_one() -> list[Any]:
        names = ("beside", "beside_async", "beside_async")
        calls = [asyncio.create_task(session.call_async(name, [0.8], {})) for name in names]
        while running(session) < 3 and not any(each.done() for each in calls):
            await asyncio.sleep(0.01)
        calls[1].cancel()
        return await asyncio.gather(*calls, return_exceptions=True)

    thread, cancelled, task = asyncio.run(cancel_one())
    assert thread.startswith("seer-call")
    assert isinstance(cancelled, asyncio.CancelledError | CallCancelledError)
    assert task == "MainThread"


def test_progress_reaches_whoever_waits_for_that_call(
    sandbox: ScopedSandbox, library: Library, way: str
) -> None:
    heard: defaultdict[Hashable, set[str]] = defaultdict(set)

    def hear(call: Hashable, name: str, done: float | None, total: Any, message: str) -> None:
        if done is not None:
            heard[call].add(message)

    with open_session(sandbox, library.name, way, on_progress=hear) as session:
        for function in ("tell", "tell_async"):
            names = [f"{function} {number}" for number in range(5)]
            assert all_at_once(session, function, *[(name, 5) for name in names]) == names
            assert sorted(heard.values(), key=min) == [{name} for name in names]
            heard.clear()


@pytest.mark.parametrize("way", WAYS)
def test_an_on_progress_that_raises_does_not_cost_the_result(
    sandbox: ScopedSandbox,
    library: Library,
    way: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def hear(*_: Any) -> None:
        raise RuntimeError("of the user's")

    with open_session(sandbox, library.name, way, on_progress=hear) as session:
        assert later(session, "tell", "x", 2).result(60) == "x"
        assert session.call("marks", [], {}) == []
    assert "of the user's" in capsys.readouterr().err


def test_calls_are_gathered_into_batches(session: Session) -> None:
    session.call("batch_sizes", [], {})

    results = all_at_once(session, "double", *[(n, f"n{n}") for n in range(20, 40)])

    assert results == [f"n{n}: {2 * n}" for n in range(20, 40)]
    sizes = session.call("batch_sizes", [], {})
    assert sum(sizes) == 20
    assert max(sizes) <= 8
    assert len(sizes) < 8


def test_a_batch_waits_no_longer_than_it_may(session: Session) -> None:
    since = time.monotonic()
    assert session.call("double", [1, "a"], {}) == "a: 2"
    assert time.monotonic() - since > 0.2
    assert session.call("double", [], {"names": "b", "numbers": 2}) == "b: 4"
    since = time.monotonic()
    assert [session.call("quick", [number], {}) for number in range(200)] == list(range(200))
    # Were each to wait as those do, they would take a minute.
    assert time.monotonic() - since < 30


def test_an_exception_in_the_list_goes_to_its_own_caller(session: Session) -> None:
    results = all_at_once(session, "double", (1, "a"), (-1, "b"), (2, "c"))

    assert [results[0], results[2]] == ["a: 2", "c: 4"]
    assert isinstance(results[1], KeyError)


def test_a_raise_goes_to_all(session: Session) -> None:
    results = all_at_once(session, "double", (1, "a"), (13, "b"), (2, "c"))

    assert [str(each).splitlines()[0] for each in results] == 3 * ["RuntimeError: all of them"]


def test_a_wrong_number_of_results_is_told_to_all(session: Session) -> None:
    results = all_at_once(session, "double", (1, "a"), (99, "b"))

    assert all(isinstance(each, TypeError) for each in results)
    assert all("one result a call: 2; got 1" in str(each) for each in results)


def test_bad_arguments_are_the_callers_own_matter(session: Session) -> None:
    results = all_at_once(session, "double", (1, "a"), ("x", "b"), (2,), (3, "c"))

    assert [results[0], results[3]] == ["a: 2", "c: 6"]
    assert "numbers" in str(results[1])
    assert "names" in str(results[2])


@pytest.mark.parametrize("number", [0, 2])
def test_cancelling_one_call_of_a_batch_leaves_the_others_alone(
    session: Session, number: int
) -> None:
    async def cancel_one() -> list[Any]:
        calls = [asyncio.create_task(session.call_async("double_async", [n], {})) for n in range(4)]
        while not running(session):
            await asyncio.sleep(0.01)
        calls[number].cancel()
        return await asyncio.gather(*calls, return_exceptions=True)

    results = asyncio.run(cancel_one())
    assert isinstance(results.pop(number), asyncio.CancelledError)
    assert results == [2 * n for n in range(4) if n != number]


def test_the_library_of_a_batch_function_is_of_one_item(
    library: Library, import_library: Callable[[Library], ModuleType]
) -> None:
    module = import_library(library)

    assert module.double.__annotations__ == {"numbers": "int", "names": "str", "return": "str"}
    assert module.double(4, "four") == "four: 8"
    with pytest.raises(TypeError, match="numbers"):
        module.double("x", "four")


BAD = {
    "@expose(batch=True)\ndef f(a: int) -> list[int]: ...": r"hint 'a' as list",
    "@expose(batch=True)\ndef f(a) -> list[int]: ...": r"hint 'a' as list",
    "@expose(batch=True)\ndef f(a: list[int]) -> int: ...": r"hint 'return' as list",
    "@expose(batch=True)\ndef f(a: list[int]): ...": r"hint 'return' as list",
    "@expose(batch=True)\ndef f(a: list[int] = []) -> list[int]: ...": r"'a' .* no default",
    "from typing import *\n@expose(batch=True)\n"
    "def f(a: list[int]) -> list[Iterator]: ...": "gives streams",
    "@expose(batch=True)\ndef f(*a: list[int]) -> list[int]: ...": r"'a' .* plain one",
    "@expose(batch=True)\ndef f(*, a: list[int]) -> list[int]: ...": r"'a' .* plain one",
    "@expose(batch=True)\ndef f() -> list[int]: ...": "takes nothing",
    "@expose(batch=True, concurrent=True)\ndef f(a: list[int]) -> list[int]: ...": "either",
    "@expose(batch=True, max_batch=0)\ndef f(a: list[int]) -> list[int]: ...": "at least 1",
    "@expose(batch=True, max_wait_ms=-1)\ndef f(a: list[int]) -> list[int]: ...": "at least 0",
    "@expose(concurent=True)\ndef f(): ...": "did you mean 'concurrent'",
    "@expose(is_async=True)\ndef f(): ...": "no option 'is_async'",
    "@expose(limit=3)\ndef f(): ...": "there are: concurrent, batch",
}


@pytest.mark.parametrize(("source", "reason"), BAD.items())
def test_a_bad_definition_is_a_clear_error_of_loading(
    sandbox: ScopedSandbox, interface_file: Callable[[str], Path], source: str, reason: str
) -> None:
    with pytest.raises(InterfaceLoadError, match=reason):
        sandbox.serve(interface_file(source))


def test_a_concurrent_call_that_never_ends_costs_the_worker_once_nobody_waits(
    sandbox: ScopedSandbox,
    interface_file: Callable[[str], Path],
    way: str,
    wait_until: Callable[..., None],
) -> None:
    name = sandbox.serve(interface_file(SOURCE)).name
    with open_session(sandbox, name, way) as session:
        worker = session.call("worker", [], {})
        awaited = later(session, "beside_async", 7.0)
        overdue = later(session, "never", timeout=1.0)

        # Somebody waits: it lives on, though the ladder is climbed.
        assert awaited.result(60) == "MainThread"

        with pytest.raises(DeadlineExceededError) as ended:
            overdue.result(60)
        # It was told before the worker could be ended.
        assert ended.value.started
        assert ended.value.state in ("tainted", "lost")

        def is_another() -> bool:
            with contextlib.suppress(WorkerDiedError, StateLostError):
                return bool(session.call("worker", [], {}, timeout=60) != worker)
            return False

        wait_until(is_another)


@pytest.mark.parametrize("count", [60, 500])
def test_a_session_with_many_calls_delays_anothers_by_few(
    sandbox: ScopedSandbox, library: Library, way: str, count: int
) -> None:
    with (
        open_session(sandbox, library.name, way) as busy,
        open_session(sandbox, library.name, way) as other,
    ):

        async def compete() -> int:
            # All but the last ones are on their way before the first is over.
            calls = [busy.call_async("mark", ["busy", 0.002], {}) for _ in range(count)]
            many = asyncio.gather(*calls)
            await asyncio.sleep(0.05)
            before = await other.call_async("marks", [], {})
            await other.call_async("mark", ["other", 0.0], {})
            await many
            order = other.call("marks", [], {})
            return order.index("other") if len(before) < count / 2 else count

        # Whoever has little of the processor is late: not each time, as where turns are unfair.
        assert any(asyncio.run(compete()) <= 12 for _ in range(10))


def test_a_call_of_an_idempotent_function_is_repeated_when_its_worker_dies(
    session: Session, tmp_path: Path
) -> None:
    assert session.call("die_and_run", [str(tmp_path / "a"), 2], {}) == 3

    with pytest.raises((StateLostError, WorkerDiedError)):
        # That the state is lost is told all the same.
        session.call("marks", [], {})
    assert session.call("marks", [], {}) == []


def test_a_call_is_not_repeated_for_ever(session: Session, tmp_path: Path) -> None:
    file = tmp_path / "runs"

    with pytest.raises(WorkerDiedError) as died:
        session.call("die_and_run", [str(file), 100], {})

    assert died.value.started
    assert len(file.read_text()) == 3


def test_another_call_is_not_repeated(session: Session, tmp_path: Path) -> None:
    file = tmp_path / "runs"

    with pytest.raises(WorkerDiedError) as died:
        session.call("die_once", [str(file), 1], {})

    assert died.value.started
    assert file.read_text() == "x"


def test_ending_an_idempotent_call_costs_no_worker(
    sandbox: ScopedSandbox, library: Library, way: str
) -> None:
    with open_session(sandbox, library.name, DIRECT) as other:
        worker = other.call("worker", [], {})
        leaving = open_session(sandbox, library.name, way)
        left = later(leaving, "nap_again", 1.8)
        await_running(leaving)
        with open_session(sandbox, library.name, way) as queued:
            overdue = later(queued, "nap_again", 0.0, timeout=0.1)
            with pytest.raises(DeadlineExceededError):
                overdue.result(60)
        leaving.close()
        with pytest.raises(Exception, match="closed"):
            left.result(60)
        time.sleep(1)

        assert other.call("worker", [], {}) == worker


def test_a_worker_that_is_killed_takes_no_concurrent_call_twice(
    sandbox: ScopedSandbox, session: Session, tmp_path: Path
) -> None:
    calls = [later(session, "beside_async", 60.0) for _ in range(10)]
    await_running(session, 10)
    os.kill(on_host(sandbox, session.call("worker", [], {})), signal.SIGKILL)

    for call in calls:
        with pytest.raises(WorkerDiedError) as died:
            call.result(60)
        assert died.value.started
