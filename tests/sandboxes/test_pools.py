"""Several sandboxes that serve the same, and items spread over them."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.environment import Outcome, SandboxConfig, SandboxPool, ScopedSandbox, aio
from seer_rpc.environment.pool import PooledLibrary
from seer_rpc.errors import (
    ArgumentError,
    ConfigError,
    DeadlineExceededError,
    FunctionMissingError,
    InterfaceError,
    InterfaceMissingError,
    InterfacePendingError,
    SandboxError,
    SandboxLostError,
    SandboxStartError,
    SeerError,
    WorkerDiedError,
)
from seer_rpc.execution import create_local_session
from seer_rpc.locations import sandboxes_folder
from seer_rpc.registry import running_sandboxes
from seer_rpc.workspace import Library, Workspace
from tests.sandboxes.pools import SOURCE, Notes, kill_front, notes_here, notes_on_modal
from tests.sandboxes.traces import Traces, own_temporary_folder

WaitUntil = Callable[..., None]
Write = Callable[..., Path]

SEEN = SandboxConfig(isolation="none")
"""Its functions see the files of this machine."""


@pytest.fixture
def notes(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Notes:
    if backend == "modal":
        return notes_on_modal(request.getfixturevalue("modal_emulator"))
    return notes_here(tmp_path)


@pytest.fixture
def config(backend: str) -> SandboxConfig:
    return SEEN if backend == "local" else SandboxConfig()


@pytest.fixture
def pool(backend: str, config: SandboxConfig) -> Iterator[SandboxPool]:
    """Two sandboxes."""
    with SandboxPool(config, size=2, backend=backend) as pool:
        yield pool


@pytest.fixture
def tools(pool: SandboxPool, write: Write) -> PooledLibrary:
    return pool.serve(write(SOURCE))


def pairs(notes: Notes, numbers: Any) -> Iterator[tuple[str, int]]:
    return ((notes.file, number) for number in numbers)


# What comes of items.


def test_each_item_has_its_outcome_in_order(tools: PooledLibrary, pool: SandboxPool) -> None:
    outcomes = list(tools.map("square", range(40)))

    assert [each.index for each in outcomes] == [each.item for each in outcomes] == [*range(40)]
    assert {each.sandbox for each in outcomes} == {f"{pool.name}-0", f"{pool.name}-1"}
    assert {each.attempts for each in outcomes} == {1}
    failed = outcomes.pop(13)
    assert not failed.ok
    assert failed.started
    with pytest.raises(ValueError, match="thirteen"):
        failed.result()
    assert [each.result() for each in outcomes] == [each.item**2 for each in outcomes]


def test_outcomes_come_as_they_are_there(tools: PooledLibrary) -> None:
    seconds = [1.0, *[0.0] * 9]
    outcomes = list(tools.map("wait", seconds, in_order=False))

    assert outcomes[-1].index == 0
    assert sorted(each.index for each in outcomes) == [*range(10)]


def test_an_item_may_be_several_arguments_and_a_result_a_stream(tools: PooledLibrary) -> None:
    moved = tools.starmap("die_of", [(1, 2), {"number": 3, "deadly": 4}, [5, 6], "78"])
    *values, refused = moved
    assert [each.value for each in values] == [1, 3, 5]
    assert isinstance(refused.error, ArgumentError)
    assert [each.value for each in tools.map("count", [0, 3])] == [[], [0, 1, 2]]


def test_functions_of_the_library_have_its_types(
    tools: PooledLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    create_local_session(Workspace(libraries=[tools]), tmp_path / "work")
    library = importlib.import_module(tools.name)
    try:
        points = [library.Point(1), library.Point(2)]
        assert [each.value for each in tools.map(library.move, points)] == [
            library.Point(2),
            library.Point(3),
        ]
        assert library.square(3) == 9
        with library.with_options(timeout=0.2):
            (late,) = tools.map(library.wait, [30.0])
        assert isinstance(late.error, DeadlineExceededError)
        with pytest.raises(ArgumentError, match="is no function of the library"):
            tools.map(lambda number: number, [1])
    finally:
        library.square.__globals__["_remote"].close()
        for name in (tools.name, f"{tools.name}._remote", f"{tools.name}.aio"):
            sys.modules.pop(name, None)


def test_a_call_has_a_limit_where_one_is_given(tools: PooledLibrary) -> None:
    outcomes = tools.map("wait", [0.0, 60.0], timeout=4.0)
    assert [type(each.error) for each in outcomes] == [type(None), DeadlineExceededError]


def test_what_cannot_be_asked_is_said_at_once(tools: PooledLibrary) -> None:
    with pytest.raises(FunctionMissingError, match="it has: square"):
        tools.map("cube", [1])
    with pytest.raises(ArgumentError, match="at least one"):
        tools.map("square", [1], at_once=0)
    with pytest.raises(ArgumentError, match="timeout"):
        tools.map("square", [1], timeout=-1)
    assert list(tools.map("square", [])) == []


def test_items_are_taken_no_further_ahead_than_there_is_room(tools: PooledLibrary) -> None:
    taken = itertools.count()
    outcomes = tools.map("square", (next(taken) + 100 for _ in itertools.repeat(None)), at_once=3)
    assert [next(outcomes).value for _ in range(5)] == [n * n for n in range(100, 105)]
    outcomes.close()
    assert next(taken) <= 5 + 2 * 2 * 3
    assert list(outcomes) == []


def test_what_the_items_raise_ends_it(tools: PooledLibrary) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("no more")

    with pytest.raises(KeyError, match="no more"):
        list(tools.map("square", items()))


def test_several_threads_map_at_once(tools: PooledLibrary) -> None:
    found: dict[int, list[int]] = {}

    def work(number: int) -> None:
        items = range(number * 100, number * 100 + 50)
        found[number] = [each.result() for each in tools.map("square", items)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {n: [m * m for m in range(n * 100, n * 100 + 50)] for n in range(1, 5)}


def test_who_stops_early_gives_up_what_runs(
    tools: PooledLibrary, notes: Notes, wait_until: WaitUntil
) -> None:
    for outcome in tools.starmap("nap", pairs(notes, itertools.count()), at_once=2):
        assert outcome.value == 0
        wait_until(lambda: len(notes.numbers("begun")) == 5)
        break
    wait_until(lambda: notes.numbers("ended") == notes.numbers("begun") - Counter([0]))
    assert len(notes.numbers("begun")) == 5


# Sandboxes that end.


@pytest.mark.parametrize("function", ["work_again", "look"])
def test_items_that_may_run_twice_have_values_though_a_sandbox_is_killed(
    pool: SandboxPool, tools: PooledLibrary, notes: Notes, function: str
) -> None:
    victim = pool.sandboxes[0]
    outcomes: list[Outcome[Any, Any]] = []
    killing = threading.Thread(target=kill_front, args=(victim,))
    for outcome in tools.starmap(function, pairs(notes, range(150))):
        outcomes.append(outcome)
        if len(outcomes) == 20:
            killing.start()

    killing.join()
    assert [each.result() for each in outcomes] == [n * n for n in range(150)]
    assert {each.sandbox for each in outcomes[-5:]} <= {each.name for each in pool.sandboxes} | {
        f"{pool.name}-2"
    }
    assert set(notes.numbers("begun")) == set(range(150))


def test_items_that_may_not_run_twice_say_that_they_may_have_run(
    pool: SandboxPool, tools: PooledLibrary, notes: Notes
) -> None:
    victim = pool.sandboxes[0]
    outcomes: list[Outcome[Any, Any]] = []
    killing = threading.Thread(target=kill_front, args=(victim,))
    for outcome in tools.starmap("work", pairs(notes, range(150))):
        outcomes.append(outcome)
        if len(outcomes) == 20:
            killing.start()

    killing.join()
    cut_off = [each for each in outcomes if not each.ok]
    # No more than were on their way to it.
    assert len(cut_off) <= 2
    for each in cut_off:
        assert isinstance(each.error, SandboxLostError)
        assert each.started
        assert each.sandbox == victim.name
    assert [each.value for each in outcomes if each.ok] == [
        each.index**2 for each in outcomes if each.ok
    ]
    begun = notes.numbers("begun")
    assert max(begun.values()) == 1
    assert {each.index for each in outcomes if each.ok} <= set(begun)


def test_what_had_not_begun_is_done_by_a_replacement(
    backend: str, config: SandboxConfig, write: Write, notes: Notes, wait_until: WaitUntil
) -> None:
    with SandboxPool(config, size=1, backend=backend) as pool:
        tools = pool.serve(write(SOURCE))
        outcomes: list[Outcome[Any, Any]] = []
        items = pairs(notes, [1, -1, -2])
        mapping = threading.Thread(target=lambda: outcomes.extend(tools.starmap("linger", items)))
        mapping.start()
        wait_until(lambda: notes.numbers("begun"))
        kill_front(pool.sandboxes[0])
        mapping.join(60)

    cut_off, next_one, last = outcomes
    assert isinstance(cut_off.error, SandboxLostError)
    assert cut_off.started
    if backend == "local":
        # It may have been on its way already.
        assert next_one.value == -1
        assert next_one.attempts <= 2
    else:
        # What a worker there had begun is not known when it is gone.
        assert isinstance(next_one.error, SandboxLostError)
        assert next_one.started
    assert (last.value, last.attempts, last.sandbox) == (-2, 1, f"{pool.name}-1")
    assert set(notes.numbers("begun").values()) == {1}


def test_a_replacement_serves_what_the_others_serve(
    pool: SandboxPool,
    tools: PooledLibrary,
    write: Write,
    wait_until: WaitUntil,
    capfd: pytest.CaptureFixture[str],
) -> None:
    write(SOURCE.replace("number * number", "-number"))
    kill_front(pool.sandboxes[1])
    names = [f"{pool.name}-0", f"{pool.name}-2"]
    wait_until(lambda: [each.name for each in pool.sandboxes] == names, 60)

    outcomes = list(tools.map("square", range(100, 140)))
    assert {each.sandbox for each in outcomes} == set(names)
    assert [each.result() for each in outcomes] == [n * n for n in range(100, 140)]
    assert capfd.readouterr().err.count(f"{pool.name}-1 works no more") == 1
    assert tools.connection.endpoint == pool.sandboxes[0].connection(tools.name).endpoint


def test_when_all_are_dead_and_none_can_start_all_items_have_errors(
    backend: str,
    config: SandboxConfig,
    write: Write,
    tmp_path: Path,
    wait_until: WaitUntil,
    capfd: pytest.CaptureFixture[str],
) -> None:
    needed = tmp_path / "needed"
    needed.touch()
    config = SandboxConfig(isolation=config.isolation, local_files=[(needed, "needed")])
    with SandboxPool(config, size=2, backend=backend, replacements=2) as pool:
        tools = pool.serve(write(SOURCE))
        needed.unlink()
        outcomes = []
        for outcome in tools.map("wait", [0.05] * 300, at_once=2):
            outcomes.append(outcome)
            if len(outcomes) == 4:
                for each in pool.sandboxes:
                    kill_front(each)

        assert len(outcomes) == 300
        last = outcomes[-1]
        assert isinstance(last.error, SandboxLostError)
        assert "none can be started" in last.error.message
        assert not last.started
        assert (last.sandbox, last.attempts) == ("", 0)
        assert pool.sandboxes == []
        with pytest.raises(SandboxLostError):
            pool.serve(write(SOURCE))
        with pytest.raises(SandboxLostError):
            tools.connection.to_json()
    assert capfd.readouterr().err.count("could be started in place of another one") == 1


def test_a_pool_without_replacements_goes_on_with_what_is_left(
    backend: str, config: SandboxConfig, write: Write, wait_until: WaitUntil
) -> None:
    with SandboxPool(config, size=2, backend=backend, replacements=0) as pool:
        tools = pool.serve(write(SOURCE))
        kill_front(pool.sandboxes[0])
        wait_until(lambda: len(pool.sandboxes) == 1, 30)
        assert [each.value for each in tools.map("square", [2, 3])] == [4, 9]
        assert [each.name for each in pool.sandboxes] == [f"{pool.name}-1"]


def test_what_nobody_used_is_not_replaced(backend: str, wait_until: WaitUntil) -> None:
    with SandboxPool(SandboxConfig(idle_timeout=3), size=2, backend=backend) as pool:
        wait_until(lambda: pool.sandboxes == [], 60)
        assert [*running_sandboxes()] == []
        with pytest.raises(SandboxLostError, match="none can be started"):
            pool.serve(__file__)


def test_one_that_is_told_to_end_ends_what_it_has_begun(
    pool: SandboxPool, tools: PooledLibrary, notes: Notes, wait_until: WaitUntil
) -> None:
    outcomes: list[Outcome[Any, Any]] = []
    ending: list[threading.Thread] = []
    leaving = pool.sandboxes[0]
    for outcome in tools.starmap("work", pairs(notes, range(200))):
        outcomes.append(outcome)
        if len(outcomes) == 20:
            end = partial(ScopedSandbox.from_id(leaving.sandbox_id).terminate, grace=30)
            ending.append(threading.Thread(target=end))
            ending[0].start()

    ending[0].join(60)
    assert [each.result() for each in outcomes] == [n * n for n in range(200)]
    assert set(notes.numbers("begun").values()) == {1}
    wait_until(lambda: leaving not in pool.sandboxes)


def test_a_worker_that_dies_costs_one_item(tools: PooledLibrary, pool: SandboxPool) -> None:
    names = [each.name for each in pool.sandboxes]
    outcomes = list(tools.starmap("die_of", [(number, 7) for number in range(30)]))

    (dead,) = [each for each in outcomes if not each.ok]
    assert dead.index == 7
    assert isinstance(dead.error, WorkerDiedError)
    assert dead.started
    assert [each.value for each in outcomes if each.ok] == [n for n in range(30) if n != 7]
    assert [each.name for each in pool.sandboxes] == names


def test_one_whose_interface_does_not_load_again_is_replaced(
    pool: SandboxPool, write: Write
) -> None:
    source = """
        import os
        from pathlib import Path

        broken = Path.home() / "broken"
        if broken.exists():
            raise RuntimeError("the device is gone")

        @expose
        def work(number: int) -> int:
            if number == 3:
                broken.touch()
                os._exit(3)
            return number
    """
    outcomes = list(pool.serve(write(source)).map("work", range(30)))

    (dead,) = [each for each in outcomes if not each.ok]
    assert isinstance(dead.error, WorkerDiedError)
    assert [each.value for each in outcomes if each.ok] == [n for n in range(30) if n != 3]
    assert dead.sandbox not in {each.name for each in pool.sandboxes}


def test_what_kills_every_worker_is_given_up(tools: PooledLibrary) -> None:
    (dead,) = tools.starmap("die_always", [()])
    assert isinstance(dead.error, WorkerDiedError)
    assert dead.attempts == 3


def test_the_end_of_the_pool_ends_a_map(
    pool: SandboxPool, tools: PooledLibrary, notes: Notes, wait_until: WaitUntil
) -> None:
    outcomes = tools.starmap("nap", pairs(notes, range(1, 101)), at_once=2)
    found: list[Outcome[Any, Any]] = []
    mapping = threading.Thread(target=lambda: found.extend(outcomes), daemon=True)
    mapping.start()
    wait_until(lambda: len(notes.numbers("begun")) == 4)
    pool.terminate()
    mapping.join(30)

    assert not mapping.is_alive()
    assert [each.index for each in found] == [*range(100)]
    assert {type(each.error) for each in found} == {SandboxLostError}
    assert {each.index + 1 for each in found if each.started} == set(notes.numbers("begun"))
    with pytest.raises(SandboxError, match="not running"):
        pool.serve("interface.py")


def test_the_end_of_the_pool_ends_a_load_and_a_replacement(
    pool: SandboxPool, write: Write, wait_until: WaitUntil
) -> None:
    source = """
        import time

        print("loading", flush=True)
        time.sleep(600)
    """
    errors: list[BaseException] = []

    def serve() -> None:
        try:
            pool.serve(write(source))
        except SeerError as error:
            errors.append(error)

    serving = threading.Thread(target=serve, daemon=True)
    serving.start()
    wait_until(lambda: all("loading" in each.rpc_logs() for each in pool.sandboxes), 30)
    kill_front(pool.sandboxes[0])
    wait_until(lambda: f"{pool.name}-2" in {each.name for each in running_sandboxes()}, 60)
    pool.terminate()
    serving.join(30)
    assert [type(each) for each in errors] == [SandboxLostError]
    assert [*running_sandboxes()] == []


# Starting.


class Breaking(Library):
    """A library that cannot be read the second time."""

    def __init__(self) -> None:
        super().__init__("breaking", {})
        self._reads = itertools.count(1)

    @property
    def files(self) -> dict[str, str]:
        if next(self._reads) == 2:
            raise SandboxStartError("the second one does not start")
        return super().files


def test_one_that_does_not_start_leaves_none(backend: str, request: pytest.FixtureRequest) -> None:
    pool = SandboxPool(size=3, backend=backend)
    with pytest.raises(SandboxStartError, match="the second one does not start"):
        pool.start(Workspace(libraries=[Breaking()]))

    assert pool.sandboxes == []
    assert not any(sandboxes_folder().iterdir())
    if backend == "modal":
        assert not request.getfixturevalue("modal_emulator").running
    pool.terminate()


def test_they_have_names_and_start_once(backend: str, write: Write) -> None:
    library = Library.from_code("WORD = 'given'", "words")
    with SandboxPool(size=2, backend=backend).start(
        Workspace(libraries=[library]), name="judges"
    ) as pool:
        started = pool.sandboxes
        assert pool.start().sandboxes == started
        assert [each.name for each in started] == ["judges-0", "judges-1"]
        assert {each.name for each in running_sandboxes()} == {"judges-0", "judges-1"}
        source = "import words\n@expose\ndef word(n: int) -> str:\n    return words.WORD\n"
        assert [each.value for each in pool.serve(write(source)).map("word", [1])] == ["given"]
    assert [*running_sandboxes()] == []
    assert pool.sandboxes == []


@pytest.mark.parametrize(
    ("size", "fields", "said"),
    [
        (0, {}, "at least one"),
        (1.5, {}, "at least one"),
        (2, {"replacements": -1}, "0 or more"),
        (2, {"config": SandboxConfig(listen="127.0.0.1:8443")}, "cannot listen at one port"),
    ],
)
def test_what_cannot_be_is_said_before_anything_starts(
    size: Any, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        SandboxPool(size=size, **fields)


def test_an_interface_has_to_be_the_same_everywhere(pool: SandboxPool, write: Write) -> None:
    source = (
        "import os\n@expose\ndef f(x: int = int.from_bytes(os.urandom(4))) -> int:\n    return x\n"
    )
    with pytest.raises(InterfaceError, match="not the same in all sandboxes"):
        pool.serve(write(source))
    with pytest.raises(InterfaceMissingError):
        pool.serve("nowhere.py")
    with pytest.raises(InterfacePendingError) as pending:
        pool.serve(write("import nothing_like_it\n@expose\ndef f() -> None: ..."))
    assert "local_files" in pending.value.hint


# For asyncio.


def test_it_works_for_asyncio(backend: str, write: Write) -> None:
    async def main() -> None:
        async with aio.SandboxPool(size=2, backend=backend) as pool:
            tools = await pool.serve(write(SOURCE))
            outcomes = [each async for each in tools.map("square", range(100, 120))]
            assert [each.result() for each in outcomes] == [n * n for n in range(100, 120)]
            assert [await each.exec("echo on") for each in pool.sandboxes] == ["on\n"] * 2
            waiting = tools.map("wait", [60.0])
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await anext(waiting)
            assert [each async for each in waiting] == []

    asyncio.run(main())


class Slow(Library):
    """A library that takes its time."""

    def __init__(self) -> None:
        super().__init__("slow", {})
        self.goes_on = threading.Event()
        self.readers: set[threading.Thread] = set()

    @property
    def files(self) -> dict[str, str]:
        self.readers.add(threading.current_thread())
        assert self.goes_on.wait(60)
        return super().files


def test_a_start_that_is_cancelled_leaves_nothing(backend: str) -> None:
    async def main() -> None:
        pool, library = aio.SandboxPool(size=6, backend=backend), Slow()
        starting = asyncio.create_task(pool.start(Workspace(libraries=[library])))
        while len(library.readers) < 4:
            await asyncio.sleep(0.02)
        starting.cancel()
        for _ in range(10):
            # Until it has heard of that.
            await asyncio.sleep(0)
        library.goes_on.set()
        with pytest.raises(asyncio.CancelledError):
            await starting
        # No more than that start at a time.
        assert len(library.readers) == 4
        assert pool.sandboxes == []
        assert not any(sandboxes_folder().iterdir())

    asyncio.run(main())


@pytest.mark.parametrize("is_handler", [True, False], ids=["signal", "thread"])
def test_the_end_of_a_pool_ends_its_start(
    backend: str, is_handler: bool, wait_until: WaitUntil
) -> None:
    pool, library = SandboxPool(size=6, backend=backend), Slow()
    main = threading.get_ident()

    def end() -> None:
        wait_until(lambda: len(library.readers) == 4)
        threading.Timer(0.5, library.goes_on.set).start()
        if is_handler:
            signal.pthread_kill(main, signal.SIGUSR1)
        else:
            pool.terminate()

    before = signal.signal(signal.SIGUSR1, lambda *_: pool.terminate())
    ending = threading.Thread(target=end, daemon=True)
    ending.start()
    try:
        with pytest.raises(SandboxStartError, match="the pool was ended while it started"):
            pool.start(Workspace(libraries=[library]))
    finally:
        signal.signal(signal.SIGUSR1, before)
    ending.join()
    assert len(library.readers) == 4
    assert pool.sandboxes == []
    assert not any(sandboxes_folder().iterdir())


# Without a trace.


def test_nothing_is_left_behind(backend: str, config: SandboxConfig, write: Write) -> None:
    traces = Traces()

    def live() -> None:
        with SandboxPool(config, size=2, backend=backend, replacements=1) as pool:
            tools = pool.serve(write(SOURCE))
            traces.sandboxes |= {each.sandbox_id for each in pool.sandboxes}
            for outcome in tools.map("wait", [0.01] * 50):
                if outcome.index == 10:
                    kill_front(pool.sandboxes[0])
            next(tools.map("wait", [0.0, 30.0, 30.0, 30.0]))
            traces.sandboxes |= {each.sandbox_id for each in pool.sandboxes}

    with own_temporary_folder():
        live()
        before = traces.everything()
        for _ in range(2):
            live()
        assert traces.left_since(before) == []
