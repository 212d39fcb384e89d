"""Sessions with a name: calls that outlive the process that made them."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seer_rpc.client import Connection, Session
from seer_rpc.environment import SandboxConfig, ScopedSandbox
from seer_rpc.errors import (
    ArgumentError,
    CallCancelledError,
    DeadlineExceededError,
    QueueFullError,
    SeerError,
    SessionOverError,
    WorkerDiedError,
)
from seer_runtime.wire.limits import WINDOW

SOURCE = """
    import asyncio
    import os
    import time
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np


    @expose
    def work(file: str, seconds: float, size: int) -> bytes:
        with open(file, "a") as log:
            log.write("run\\n")
        time.sleep(seconds)
        return b"x" * size


    @expose
    def up(number: int) -> int:
        return number + 1


    @expose
    def length(content: bytes) -> int:
        return len(content)


    @expose
    def rows(count: int, file: str) -> Iterator[np.ndarray]:
        row = np.empty(1000)
        for number in range(count):
            row[:] = number
            yield row
        Path(file).touch()


    @expose
    async def wait(file: str) -> None:
        Path(file).touch()
        await asyncio.sleep(600)


    @expose
    def tell_once(file: str, seconds: float) -> None:
        progress(1, 2, "halfway")
        time.sleep(0.1)
        Path(file).touch()
        time.sleep(seconds)


    @expose(concurrent=True)
    async def hold() -> None:
        await asyncio.sleep(600)


    @expose(concurrent=True)
    def beside(number: int) -> int:
        return number


    @expose
    def die() -> None:
        os._exit(3)
"""

CLIENT = """
    import sys
    from pathlib import Path

    from seer_rpc.client import Connection, Session

    file, log, size, before = sys.argv[1:]
    session = Session(Connection.read(Path(file)), name="job", lease=60)
    for number in range(int(before)):
        assert session.call("up", [number], {}) == number + 1
    print("calling", flush=True)
    session.call("work", [log, 1.0, int(size)], {})
"""


@pytest.fixture(scope="module", params=["direct", "network"])
def connection(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connection]:
    """One of each kind of connection."""
    file = tmp_path_factory.mktemp("named") / "tools.py"
    file.write_text(textwrap.dedent(SOURCE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        # The functions write into files of this machine.
        config = SandboxConfig(listen="127.0.0.1:0", tls="off", isolation="none")
        scoped = ScopedSandbox(config).start()
    with scoped:
        library = scoped.serve(file)
        is_direct = request.param == "direct"
        yield library.connection if is_direct else library.for_network().connection


@pytest.mark.parametrize(("size", "before"), [(10, 0), (10, 1500), (1 << 20, 3)])
def test_a_killed_clients_call_is_collected_by_the_next_one_and_ran_once(
    connection: Connection,
    tmp_path: Path,
    size: int,
    before: int,
    wait_until: Callable[..., None],
) -> None:
    file, log = tmp_path / "connection.json", tmp_path / "log"
    file.touch(0o600)
    file.write_text(connection.to_json())
    program = tmp_path / "client.py"
    program.write_text(textwrap.dedent(CLIENT))
    client = subprocess.Popen(
        [sys.executable, program, file, log, str(size), str(before)],
        stdout=subprocess.PIPE,
        text=True,
    )
    with client:
        assert client.stdout is not None
        assert client.stdout.readline() == "calling\n"
        wait_until(log.exists)
        client.send_signal(signal.SIGKILL)
    with Session(connection, name="job", lease=60) as session:
        assert list(session.pending.values()) == ["work"]
        number = next(iter(session.pending))
        assert session.collect(number) == b"x" * size
        assert log.read_text() == "run\n"
        assert session.pending == {}
        with pytest.raises(ArgumentError, match="pending"):
            session.collect(number)
        assert [session.call("up", [n], {}) for n in range(5)] == [1, 2, 3, 4, 5]


def test_a_result_that_came_meanwhile_waits(
    connection: Connection, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    first = Session(connection, name="left", lease=60)
    future = subprocess_like_call(first, tmp_path)
    wait_until((tmp_path / "log").exists)
    first.leave()
    with pytest.raises(SeerError):
        future()

    def pending() -> bool:
        with_name = Session(connection, name="left", lease=60)
        found = dict(with_name.pending)
        if not found:
            with_name.leave()
            return False
        assert with_name.collect(next(iter(found))) == b"x" * 7
        with_name.close()
        return True

    wait_until(pending)
    assert (tmp_path / "log").read_text() == "run\n"


def subprocess_like_call(session: Session, folder: Path) -> Callable[[], object]:
    """Make a call on a thread; gives what waits for its outcome."""
    from concurrent.futures import ThreadPoolExecutor

    threads = ThreadPoolExecutor(1)
    future = threads.submit(session.call, "work", [str(folder / "log"), 0.3, 7], {})
    threads.shutdown(wait=False)
    return lambda: future.result(60)


@pytest.mark.parametrize("size", [7, 5 << 20])
def test_a_call_that_was_started_goes_on_without_its_client(
    connection: Connection, tmp_path: Path, size: int
) -> None:
    log = tmp_path / "log"
    first = Session(connection, name="started", lease=60)
    number = first.start("work", [str(log), 0.3, size], {})
    assert first.pending == {number: "work"}
    first.leave()

    with Session(connection, name="started", lease=60) as second:
        assert second.pending == {number: "work"}
        assert second.collect(number) == b"x" * size
    assert log.read_text() == "run\n"


@pytest.mark.parametrize("size", [10, 5 << 20])
def test_what_was_started_can_be_collected_in_the_same_session(
    connection: Connection, size: int
) -> None:
    with Session(connection) as session:
        numbers = [session.start("length", [b"x" * (size + n)], {}) for n in range(3)]
        assert session.call("up", [1], {}) == 2
        lengths = [session.collect(number) for number in reversed(numbers)]
        assert lengths == [size + 2, size + 1, size]
        assert session.pending == {}


def test_threads_may_start_and_collect_at_once(connection: Connection) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with Session(connection) as session, ThreadPoolExecutor(8) as pool:
            texts = [b"x" * size for size in range(80)]
            numbers = list(pool.map(lambda text: session.start("length", [text], {}), texts))
            assert set(session.pending) == set(numbers)
            # Nobody waits for an answer that another thread has.
            assert list(pool.map(session.collect, numbers, timeout=60)) == list(range(80))
            assert session.pending == {}
            assert session.call("up", [1], {}) == 2
    finally:
        sys.setswitchinterval(interval)


def test_of_two_threads_that_collect_one_call_one_is_told_that_it_is_not_pending(
    connection: Connection, tmp_path: Path
) -> None:
    with Session(connection) as session, ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            number = session.start("work", [str(tmp_path / "log"), 0.01, 3], {})
            collected = [pool.submit(session.collect, number) for _ in range(8)]
            errors = [each.exception(60) for each in collected]
            assert errors.count(None) == 1
            assert sum(isinstance(each, ArgumentError) for each in errors) == 7
            assert session.pending == {}


def test_what_was_started_may_be_over_in_time_and_can_be_cancelled(
    connection: Connection, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    log = tmp_path / "log"
    first = Session(connection, name="stopped", lease=60)
    late = first.start("wait", [str(log)], {}, timeout=0.3)
    with pytest.raises(DeadlineExceededError):
        first.collect(late)
    log.unlink(missing_ok=True)
    number = first.start("wait", [str(log)], {})
    wait_until(log.exists)
    first.leave()

    with Session(connection, name="stopped", lease=60) as second:
        second.cancel(number)
        with pytest.raises(CallCancelledError):
            second.collect(number)
        assert second.call("up", [1], {}) == 2


def test_how_far_a_call_is_is_told_to_whoever_comes_later(
    connection: Connection, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    log = tmp_path / "log"
    first = Session(connection, name="telling", lease=60)
    number = first.start("tell_once", [str(log), 1.5], {})
    wait_until(log.exists)
    first.leave()

    told: list[tuple[float | None, str]] = []

    def hear(_: Hashable, __: str, done: float | None, ___: float | None, message: str) -> None:
        told.append((done, message))

    with Session(connection, name="telling", lease=60, on_progress=hear) as session:
        assert session.collect(number) is None
    assert told == [(1.0, "halfway"), (None, "")]


def test_a_stream_that_was_started_is_kept_whole_for_whoever_collects_it(
    connection: Connection, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    done = tmp_path / "done"
    first = Session(connection, name="streaming", lease=60)
    number = first.start("rows", [3000, str(done)], {})
    first.leave()
    wait_until(done.exists)

    for taken in (0, 1, 2000):
        with_name = Session(connection, name="streaming", lease=60)
        assert with_name.pending == {number: "rows"}
        rows = with_name.collect(number, keep=True)
        assert [next(rows)[0] for _ in range(taken)] == [*range(taken)]
        del rows
        with_name.leave()
    with Session(connection, name="streaming", lease=60) as last:
        assert [row[0] for row in last.collect(number)] == [*range(3000)]
        assert last.pending == {}
        assert last.call("up", [1], {}) == 2


@pytest.mark.parametrize("connection", ["network"], indirect=True)
def test_a_stream_that_an_earlier_client_began_to_take_is_kept_too(
    connection: Connection, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    done = tmp_path / "done"
    first = Session(connection, name="half taken", lease=60)
    begun = first.call("rows", [3000, str(done)], {})
    assert next(begun)[0] == 0
    first.leave()

    second = Session(connection, name="half taken", lease=60)
    (number,) = second.pending
    rows = second.collect(number, keep=True)
    wait_until(done.exists)
    taken = [row[0] for row in rows]
    assert taken == [*range(int(taken[0]), 3000)]
    second.leave()
    with Session(connection, name="half taken", lease=60) as last:
        assert [row[0] for row in last.collect(number)] == taken


def test_a_result_can_be_collected_and_kept(connection: Connection) -> None:
    first = Session(connection, name="kept", lease=60)
    number = first.start("length", [b"x" * 7], {})
    for _ in range(2):
        assert first.collect(number, keep=True) == 7
        assert first.pending == {number: "length"}
        with pytest.raises(ArgumentError, match=rf"no call {number} is pending; there are: \[\]"):
            first.collect(number)
        first.leave()
        first = Session(connection, name="kept", lease=60)
        assert first.pending == {number: "length"}
    first.close()
    with Session(connection, name="kept", lease=60) as later:
        assert later.pending == {}


def test_what_was_collected_and_kept_counts_among_those_without_an_answer(
    connection: Connection,
) -> None:
    with Session(connection, name="crowded too", lease=30) as session:
        session.collect(session.start("length", [b"x"], {}), keep=True)

        def call_on() -> None:
            for number in range(WINDOW):
                assert session.call("beside", [number], {}, timeout=60) == number

        with pytest.raises(QueueFullError, match="collect"):
            call_on()


def test_a_new_client_takes_the_session_over(
    connection: Connection, wait_until: Callable[..., None]
) -> None:
    first = Session(connection, name="mine", lease=60)
    assert first.call("up", [1], {}) == 2
    with Session(connection, name="mine", lease=60) as second:
        assert second.call("up", [2], {}) == 3
        wait_until(lambda: first.lost)
        with pytest.raises(SessionOverError, match="another client"):
            first.call("up", [3], {})
        assert second.call("up", [4], {}) == 5


def test_a_name_whose_session_was_closed_is_free_at_once(connection: Connection) -> None:
    for number in range(60):
        with Session(connection, name="again", lease=60) as session:
            kept = session.start("length", [b"x" * (1 << 20)], {})
            assert list(session.pending) == [kept], f"cycle {number}"


def test_names_are_apart_from_one_another(connection: Connection) -> None:
    with Session(connection, name="a") as first, Session(connection, name="b") as second:
        assert first.id != second.id
        assert (first.call("up", [1], {}), second.call("up", [2], {})) == (2, 3)


def test_a_worker_that_died_meanwhile_is_told(
    connection: Connection, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    first = Session(connection, name="unlucky", lease=60)
    subprocess_like_call(first, tmp_path)
    wait_until((tmp_path / "log").exists)
    first.leave()
    with Session(connection) as other, pytest.raises(WorkerDiedError):
        other.call("die", [], {}, timeout=60)
    with Session(connection, name="unlucky", lease=60) as second:
        (number,) = second.pending
        # One call at a time: the other one killed the worker when this one had ended.
        assert second.collect(number) == b"x" * 7
    assert (tmp_path / "log").read_text() == "run\n"


def test_clients_that_leave_beside_a_pending_call_do_not_fill_its_session(
    connection: Connection,
) -> None:
    first = Session(connection, name="crowded", lease=30)
    pending = first.start("hold", [], {})
    first.leave()
    for _ in range(3):
        with_name = Session(connection, name="crowded", lease=30)
        assert with_name.call("beside", [1], {}, timeout=60) == 1
        assert list(with_name.pending) == [pending]
        with_name.leave()

    last = Session(connection, name="crowded", lease=30)

    def call_on() -> None:
        for number in range(WINDOW):
            assert last.call("beside", [number], {}, timeout=60) == number

    with pytest.raises(QueueFullError, match="collect"):
        call_on()
    last.cancel(pending)
    with pytest.raises(CallCancelledError):
        last.collect(pending)
    assert last.call("beside", [2], {}, timeout=60) == 2
    last.close()
