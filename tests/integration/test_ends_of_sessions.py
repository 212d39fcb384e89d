"""What becomes of calls whose session, client or worker is gone."""

from __future__ import annotations

import os
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seer_rpc.client import Session
from seer_rpc.environment import SandboxConfig, ScopedSandbox
from seer_rpc.errors import DeadlineExceededError, SeerError, WorkerDiedError
from seer_rpc.workspace import Library
from seer_runtime.wire.frames import Kind
from tests.integration.ways import DIRECT, await_running, open_session

SOURCE = """
    import os
    import time

    import numpy as np

    ran = []
    value = 0


    @expose
    def slow(seconds: float) -> float:
        time.sleep(seconds)
        return seconds


    @expose
    def note(text: str) -> str:
        ran.append(text)
        return text


    @expose
    def noted() -> list[str]:
        return ran


    @expose
    def hang() -> None:
        while True:
            time.sleep(0.05)


    @expose
    def setup(new: int) -> None:
        global value
        value = new


    @expose
    def get() -> int:
        return value


    @expose
    def die() -> None:
        os._exit(3)


    @expose
    def arrays(count: int, size: int) -> list[np.ndarray]:
        return [np.full(size, index, np.int32) for index in range(count)]
"""


@pytest.fixture
def sandbox() -> Iterator[ScopedSandbox]:
    with ScopedSandbox(SandboxConfig(listen="127.0.0.1:0", tls="off")) as scoped:
        yield scoped


@pytest.fixture
def library(sandbox: ScopedSandbox, write: Callable[..., Path]) -> Library:
    return sandbox.serve(write(SOURCE))


def beside(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[Any]:
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(work(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def test_a_call_that_waits_when_its_session_is_closed_does_not_run(library: Any) -> None:
    with Session(library.connection) as other:
        busy = beside(other.call, "slow", [2.0], {})
        await_running(other)
        session = Session(library.connection)
        waiting = beside(session.call, "note", ["too late"], {})
        time.sleep(0.2)
        session.close()

        with pytest.raises(SeerError) as ended:
            waiting.result(60)
        assert not ended.value.started
        assert busy.result(60) == 2.0
        assert other.call("noted", [], {}) == []


def test_a_call_that_waits_when_its_client_is_killed_blocks_nobody(library: Any) -> None:
    with Session(library.connection) as other:
        busy = beside(other.call, "slow", [1.5], {})
        await_running(other)
        child = os.fork()
        if child == 0:
            Session(library.connection).call("hang", [], {})
            os._exit(0)
        time.sleep(0.4)
        os.kill(child, 9)
        os.waitpid(child, 0)

        assert busy.result(60) == 1.5
        # The hanging call is refused, or ended when the lease of its session is over.
        assert other.call("note", ["next"], {}, timeout=60) == "next"


def test_the_next_client_of_a_name_is_not_taken_for_the_killed_one(library: Any) -> None:
    with Session(library.connection) as other:
        busy = beside(other.call, "slow", [1.5], {})
        await_running(other)
        child = os.fork()
        if child == 0:
            Session(library.connection, name="n", lease=60).call("note", ["first"], {})
            os._exit(0)
        time.sleep(0.4)
        os.kill(child, 9)
        os.waitpid(child, 0)
        with Session(library.connection, name="n", lease=60) as second:
            assert second.call("note", ["second"], {}, timeout=60) == "second"
            assert busy.result(60) == 1.5
            assert "second" in second.call("noted", [], {})


def test_calls_that_waited_for_a_worker_that_died_do_not_run_on_the_next_one(
    library: Any,
) -> None:
    with Session(library.for_network().connection) as session:
        session.call("setup", [42], {})
        outcomes = [beside(session.call, "slow", [2.0], {})]
        time.sleep(0.3)
        outcomes.append(beside(session.call, "die", [], {}))
        time.sleep(0.1)
        outcomes += [beside(session.call, "get", [], {}) for _ in range(100)]

        errors = [each.exception(60) for each in outcomes[1:]]
        assert all(isinstance(error, WorkerDiedError) for error in errors)
        assert [error.started for error in errors if isinstance(error, SeerError)].count(True) == 1


def test_a_malformed_request_costs_nobody_anything(sandbox: ScopedSandbox, library: Any) -> None:
    with Session(library.connection) as session:
        session._relay.say(Kind.FREE, b"odd")
        with pytest.raises(DeadlineExceededError) as ended:
            session.call("hang", [], {}, timeout=1.0)
        # The courier is still there: it ended the call, and no worker had to die for it.
        assert ended.value.state == "tainted"
        with open_session(sandbox, library.name, DIRECT) as other:
            assert other.call("get", [], {}) == 0


@pytest.mark.parametrize("way", ["direct", "network"])
def test_a_result_of_very_many_large_arrays_arrives(library: Any, way: str) -> None:
    connection = library.connection if way == "direct" else library.for_network().connection
    with Session(connection) as session:
        arrays = session.call("arrays", [300, 20_000], {})
        assert [int(array[-1]) for array in arrays] == list(range(300))
        assert all(np.all(array == array[0]) for array in arrays)


def test_a_deadline_holds_while_the_interface_is_served_anew(
    sandbox: ScopedSandbox,
    library: Any,
    write: Callable[..., Path],
    wait_until: Callable[..., None],
) -> None:
    with Session(library.for_network().connection) as session:
        slow = 'import time\nprint("loading", flush=True)\ntime.sleep(3)\n'
        serving = beside(sandbox.serve, write(slow + textwrap.dedent(SOURCE)), name=library.name)
        wait_until(lambda: "loading" in sandbox.rpc_logs())
        with pytest.raises(DeadlineExceededError) as ended:
            session.call("get", [], {}, timeout=0.5)
        assert not serving.done()
        assert not ended.value.started
        serving.result(60)
