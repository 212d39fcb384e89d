"""Deadlines and cancellation reach the running function, and say what became of its state."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import SandboxConfig, ScopedSandbox
from seer_rpc.errors import (
    ArgumentError,
    CallError,
    DeadlineExceededError,
    StateLostError,
    WorkerDiedError,
)
from seer_runtime.wire.ledger import Ledger
from tests.integration.ways import await_running, running

SOURCE = """
import asyncio
import time

import torch

calls = []
ended = []


@expose
def count() -> int:
    calls.append(1)
    return len(calls)


@expose
def how_ended() -> list:
    return ended


@expose
def spin(seconds: float) -> str:
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            pass
    except BaseException as error:
        ended.append(type(error).__name__)
        raise
    return "spun"


@expose
def sleep(seconds: float) -> str:
    time.sleep(seconds)
    return "slept"


@expose
async def wait(seconds: float) -> str:
    try:
        await asyncio.sleep(seconds)
    except BaseException as error:
        ended.append(type(error).__name__)
        raise
    return "waited"


@expose
def generate(tokens: int) -> int:
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.ReLU())
    done = 0
    try:
        for _ in range(tokens):
            with torch.inference_mode():
                model(torch.zeros(1, 8))
            done += 1
            time.sleep(0.01)
    finally:
        ended.append(done)
    return done


@expose
def stubborn() -> None:
    while True:
        try:
            time.sleep(0.01)
        except BaseException:
            pass


@expose
def echo(value):
    return value
"""

LONG = 600.0


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ScopedSandbox]:
    with ScopedSandbox(SandboxConfig()) as sandbox:
        yield sandbox


@pytest.fixture
def session(sandbox: ScopedSandbox, tmp_path: Path) -> Iterator[Session]:
    """A session with an interface that was loaded anew."""
    file = tmp_path / "slow.py"
    file.write_text(SOURCE)
    with Session(sandbox.serve(file).connection) as session:
        yield session


def expire(session: Session, function: str, *args: Any, timeout: float) -> DeadlineExceededError:
    """Call, and give the error that the deadline raises."""
    with pytest.raises(DeadlineExceededError) as caught:
        session.call(function, args, {}, timeout=timeout)
    assert f"{timeout:g} s" in caught.value.message
    return caught.value


def expire_begun(session: Session, function: str, *args: Any) -> DeadlineExceededError:
    """Call so that the deadline comes when it runs, and give the error."""
    for timeout in (0.1, 0.5, 2.5, 12.5):
        error = expire(session, function, *args, timeout=timeout)
        if error.started:
            break
    return error


async def give_up(session: Session, function: str, *args: Any) -> None:
    """Call, and cancel the task when the call runs."""
    task = asyncio.create_task(session.call_async(function, args, {}))
    while not running(session):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_call_within_its_time_is_answered(session: Session) -> None:
    assert session.call("echo", [1], {}, timeout=60) == 1


def test_a_python_loop_ends_and_its_module_state_stays(session: Session) -> None:
    session.call("count", [], {})

    error = expire_begun(session, "spin", LONG)

    assert isinstance(error, TimeoutError)
    assert (error.started, error.state) == (True, "tainted")
    assert "in spin" in error.remote_traceback
    assert session.call("how_ended", [], {}) == ["CallCancelledError"]
    assert session.call("count", [], {}) == 2


def test_an_async_function_is_cancelled_as_a_task_is(session: Session) -> None:
    error = expire_begun(session, "wait", LONG)

    # Cleanly: the next step of the ladder would taint the state, and raise another error.
    assert (error.started, error.state) == (True, "kept")
    assert session.call("how_ended", [], {}) == ["CancelledError"]


def test_torch_stops_at_the_next_module(session: Session) -> None:
    error = expire_begun(session, "generate", 100_000)

    # The next step of the ladder would taint the state.
    assert (error.started, error.state) == (True, "kept")
    (done,) = session.call("how_ended", [], {})
    assert done < 10_000
    # The hook that stopped it is gone.
    assert session.call("generate", [3], {}) == 3


@pytest.mark.parametrize(("function", "args"), [("sleep", [LONG]), ("stubborn", [])])
def test_what_cannot_be_ended_ends_with_its_worker(
    session: Session, function: str, args: list[Any]
) -> None:
    session.call("count", [], {})

    error = expire_begun(session, function, *args)

    assert (error.started, error.state) == (True, "lost")
    assert error.exit_code == -signal.SIGKILL
    assert session.call("count", [], {}) == 1


def test_a_call_that_waits_its_turn_expires_without_touching_the_one_that_runs(
    sandbox: ScopedSandbox, session: Session
) -> None:
    results: list[str] = []
    with Session(sandbox.connection("slow")) as other:
        runner = threading.Thread(target=lambda: results.append(other.call("sleep", [3.0], {})))
        runner.start()
        await_running(other)

        error = expire(session, "count", timeout=0.2)

        assert (error.started, error.state) == (False, "kept")
        runner.join()
    assert results == ["slept"]
    assert session.call("count", [], {}) == 1


def test_a_cancelled_task_cancels_the_call(session: Session) -> None:
    asyncio.run(give_up(session, "wait", LONG))

    assert session.call("how_ended", [], {}) == ["CancelledError"]


def test_a_cancelled_call_that_took_its_worker_along_is_told_to_the_next_one(
    session: Session,
) -> None:
    asyncio.run(give_up(session, "sleep", LONG))

    # It waits in the queue until the worker is ended.
    with pytest.raises(CallError) as caught:
        session.call("count", [], {})
    assert not caught.value.started
    assert caught.value.state == "lost" or isinstance(caught.value, StateLostError)
    assert session.call("count", [], {}) == 1


def test_ending_a_call_never_touches_the_next(session: Session) -> None:
    # Around the moment in which the ladder raises, 2 s behind the deadline.
    for number in range(3):
        try:
            value = session.call("spin", [2.0 + number * 0.004], {}, timeout=0.004)
        except DeadlineExceededError:
            value = "spun"
        assert value == "spun"
        assert session.call("echo", [number], {}) == number


def test_calls_around_their_deadline_give_their_value_or_the_error(session: Session) -> None:
    for number in range(200):
        try:
            value = session.call("wait", [0.002 + number % 5 / 1000], {}, timeout=0.004)
        except DeadlineExceededError:
            value = "waited"
        assert value == "waited"
        assert session.call("echo", [number], {}) == number


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 1e10])
def test_a_timeout_that_is_none_is_refused(session: Session, timeout: float) -> None:
    with pytest.raises(ArgumentError, match="timeout"):
        session.call("echo", [1], {}, timeout=timeout)


def test_control_c_ends_the_function(
    sandbox: ScopedSandbox, session: Session, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    connection = sandbox.connection("slow")
    file = tmp_path / "connection.json"
    file.touch(0o600)
    file.write_text(connection.to_json())
    script = f"""
        from pathlib import Path
        from seer_rpc.client import Connection, Session

        session = Session(Connection.read(Path({str(file)!r})))
        print("calling", flush=True)
        session.call("spin", [600.0], {{}})
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "calling\n"
    wait_until(lambda: list(Ledger.read(session._relay.ledger).all_running()))
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert "KeyboardInterrupt" in err
    # The worker is free long before the function is done.
    assert session.call("how_ended", [], {}, timeout=60) == ["CallCancelledError"]


def test_the_call_of_a_client_that_is_gone_ends_too(
    sandbox: ScopedSandbox, session: Session, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    file = tmp_path / "connection.json"
    file.touch(0o600)
    file.write_text(sandbox.connection("slow").to_json())
    script = f"""
        from pathlib import Path
        from seer_rpc.client import Connection, Session

        session = Session(Connection.read(Path({str(file)!r})))
        print("calling", flush=True)
        session.call("spin", [600.0], {{}})
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "calling\n"
        wait_until(lambda: list(Ledger.read(session._relay.ledger).all_running()))
        process.kill()

    assert session.call("how_ended", [], {}, timeout=60) == ["CallCancelledError"]


def test_a_call_that_expires_while_the_interface_is_loaded_anew_never_runs(
    sandbox: ScopedSandbox, tmp_path: Path
) -> None:
    file = tmp_path / "reloading.py"
    file.write_text(
        textwrap.dedent(
            """
            import os
            import time
            from pathlib import Path

            marker = Path(__file__).with_name("reloading was loaded")
            if marker.exists():
                time.sleep(2)
            marker.touch()
            calls = []

            @expose
            def count() -> int:
                calls.append(1)
                return len(calls)

            @expose
            def die() -> None:
                os._exit(1)
            """
        )
    )
    with Session(sandbox.serve(file).connection) as session:
        with pytest.raises(WorkerDiedError):
            session.call("die", [], {})

        error = expire(session, "count", timeout=0.2)

        assert (error.started, error.state) == (False, "kept")
        assert session.call("count", [], {}) == 1
