"""How sandboxes end: by the clock, for want of use, by request, and without a trace."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import Sandbox, SandboxConfig, ScopedSandbox
from seer_rpc.errors import ConfigError, SandboxLostError, SeerError, SessionError
from seer_rpc.journal import JournalReader
from seer_runtime.wire.journal import RUN
from tests.sandboxes.cycles import cycles, tools_file
from tests.sandboxes.traces import Traces

WaitUntil = Callable[..., None]
Write = Callable[..., Path]

TOOLS = """
    import os, time

    @expose
    def up(number: int) -> int:
        return number + 1

    @expose
    def nap(seconds: float) -> float:
        print("napping", flush=True)
        time.sleep(seconds)
        return seconds

    @expose(concurrent=True)
    def nap_beside(seconds: float) -> float:
        print("napping", flush=True)
        time.sleep(seconds)
        return seconds
"""


class Outcome:
    """What became of something that another thread did."""

    def __init__(self, action: Callable[[], object]) -> None:
        self.value: object = None
        self.error: BaseException | None = None
        self._action = action
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.value = self._action()
        except BaseException as error:
            self.error = error

    def join(self) -> Outcome:
        self._thread.join(60)
        assert not self._thread.is_alive(), "it hangs"
        return self


@contextlib.contextmanager
def serving(
    write: Write, config: SandboxConfig | None = None, backend: str | None = None
) -> Iterator[tuple[ScopedSandbox, Session]]:
    with ScopedSandbox(config, backend=backend) as sandbox:
        connection = sandbox.serve(write(TOOLS)).connection
        # Nobody who lost it over a network is to look for it for long.
        session = Session(connection, patience=None if connection.is_local else 2.0)
        yield sandbox, session
        session.close()


def has_ended(sandbox: ScopedSandbox | Sandbox) -> bool:
    run = sandbox._run
    return run is not None and run.machine.exit_code() is not None


# For want of use.


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_an_idle_timeout_must_be_some_time(seconds: float) -> None:
    with pytest.raises(ConfigError, match="idle_timeout"):
        SandboxConfig(idle_timeout=seconds)


def test_a_sandbox_that_nobody_uses_ends_and_says_why(backend: str, wait_until: WaitUntil) -> None:
    with ScopedSandbox(SandboxConfig(idle_timeout=1), backend=backend) as sandbox:
        wait_until(lambda: has_ended(sandbox))

        reason = r"after 1 s without use, SandboxConfig\(idle_timeout=...\)"
        assert "after 1 s without use" in sandbox.rpc_logs()
        with pytest.raises(SandboxLostError, match=reason):
            sandbox.exec("true")


def test_sessions_and_commands_and_calls_are_use(
    backend: str, write: Write, wait_until: WaitUntil
) -> None:
    config = SandboxConfig(idle_timeout=2.5)
    with serving(write, config, backend) as (sandbox, session):
        # A session that only waits.
        time.sleep(3.5)
        assert session.call("up", [1], {}) == 2
        session.close()
        assert sandbox.exec("sleep 3.5; echo over") == "over\n"
        # Each use begins the time anew.
        for _ in range(4):
            time.sleep(0.8)
            sandbox.write_file("/workspace/file", "text")
        assert not has_ended(sandbox)
        with Session(sandbox.connection("tools")) as late:
            late.call("nap", [3.5], {})
        assert not has_ended(sandbox)
        wait_until(lambda: has_ended(sandbox))


@pytest.mark.on_gpus
def test_a_client_of_an_idle_sandbox_hears_why_it_is_gone(
    backend: str, write: Write, wait_until: WaitUntil
) -> None:
    with ScopedSandbox(SandboxConfig(idle_timeout=2), backend=backend) as sandbox:
        connection = sandbox.serve(write(TOOLS)).connection
        wait_until(lambda: has_ended(sandbox))
        with pytest.raises(SessionError, match="after 2 s without use"):
            Session(connection).call("up", [1], {})


@pytest.mark.on_gpus
def test_a_detached_sandbox_ends_for_want_of_use(backend: str, wait_until: WaitUntil) -> None:
    config = SandboxConfig(detach=True, idle_timeout=2)
    sandbox = Sandbox(config, backend=backend).start()
    attached = Sandbox.from_id(sandbox.sandbox_id)
    wait_until(lambda: has_ended(attached))
    with pytest.raises(SandboxLostError, match="after 2 s without use"):
        attached.exec("true")
    sandbox.terminate()


# By the clock.


@pytest.mark.on_gpus
def test_the_end_of_its_time_is_said_to_whoever_is_attached(
    backend: str, wait_until: WaitUntil
) -> None:
    with ScopedSandbox(SandboxConfig(timeout=4), backend=backend) as sandbox:
        attached = ScopedSandbox.from_id(sandbox.sandbox_id)
        wait_until(lambda: has_ended(attached))
        for each in (sandbox, attached):
            with pytest.raises(SandboxLostError, match="end of its lifetime of 4 s"):
                each.exec("true")


# By request.


@pytest.mark.on_gpus
@pytest.mark.parametrize("function", ["nap", "nap_beside"])
def test_what_runs_may_end_and_nothing_new_begins(
    backend: str, write: Write, function: str, wait_until: WaitUntil
) -> None:
    with serving(write, None, backend) as (sandbox, session):
        running = Outcome(lambda: session.call(function, [3.0], {}))
        begun: list[str] = []
        command = Outcome(
            lambda: sandbox.exec("echo begun; sleep 3; echo done", on_output=begun.append)
        )
        wait_until(lambda: begun and "napping" in sandbox.rpc_logs())
        ending = begin_to_end(sandbox, wait_until)
        with pytest.raises(SandboxLostError, match="draining") as refused:
            session.call("up", [1], {})

        assert refused.value.started is False
        ending.join()
        assert ending.error is None
        running.join()
        command.join()
        assert (running.value, running.error) == (3.0, None)
        assert (command.value, command.error) == ("begun\ndone\n", None)


def begin_to_end(sandbox: ScopedSandbox, wait_until: WaitUntil) -> Outcome:
    """Have it end, and wait until nothing new may begin."""
    run = sandbox._run
    assert run is not None
    ending = Outcome(lambda: sandbox.terminate(grace=60))
    wait_until(lambda: any("seer: stopping" in line for line in run.machine.logs(100)))
    # It says so just before.
    time.sleep(0.3)
    return ending


@pytest.mark.on_gpus
def test_the_grace_has_an_end(backend: str, write: Write, wait_until: WaitUntil) -> None:
    with serving(write, None, backend) as (sandbox, session):
        running = Outcome(lambda: session.call("nap", [600.0], {}))
        wait_until(lambda: "napping" in sandbox.rpc_logs())
        sandbox.terminate(grace=1)
        assert isinstance(running.join().error, SeerError)


def test_new_sessions_and_loads_are_refused_while_it_ends(
    backend: str, write: Write, wait_until: WaitUntil
) -> None:
    with serving(write, None, backend) as (sandbox, session):
        connection = sandbox.connection("tools")
        attached = ScopedSandbox.from_id(sandbox.sandbox_id)
        running = Outcome(lambda: session.call("nap", [4.0], {}))
        wait_until(lambda: "napping" in sandbox.rpc_logs())
        ending = begin_to_end(sandbox, wait_until)

        with pytest.raises(SessionError, match="draining"):
            Session(connection).call("up", [1], {})
        with pytest.raises(SessionError):
            attached.serve(write(TOOLS, "late.py"))
        with pytest.raises(SeerError):
            attached.exec("true")
        assert running.join().value == 4.0
        assert ending.join().error is None


def _front(sandbox: ScopedSandbox) -> int:
    traces = Traces(sandbox.sandbox_id)
    (front,) = traces.fronts()
    return front


def test_sigterm_lets_what_runs_end_and_a_second_one_does_not(
    backend: str, write: Write, wait_until: WaitUntil
) -> None:
    with serving(write, None, backend) as (sandbox, session):
        running = Outcome(lambda: session.call("nap", [1.5], {}))
        wait_until(lambda: "napping" in sandbox.rpc_logs())
        os.kill(_front(sandbox), signal.SIGTERM)
        assert running.join().value == 1.5
        wait_until(lambda: has_ended(sandbox))
        with pytest.raises(SandboxLostError, match="received SIGTERM") as lost:
            sandbox.exec("true")
        assert lost.value.exit_code == 0
    with serving(write, None, backend) as (sandbox, session):
        running = Outcome(lambda: session.call("nap", [600.0], {}))
        wait_until(lambda: "napping" in sandbox.rpc_logs())
        os.kill(_front(sandbox), signal.SIGTERM)
        time.sleep(0.5)
        assert not has_ended(sandbox)
        os.kill(_front(sandbox), signal.SIGTERM)
        wait_until(lambda: has_ended(sandbox))
        assert isinstance(running.join().error, SeerError)


@pytest.mark.on_gpus
def test_calls_before_the_end_are_in_the_journal(backend: str, write: Write) -> None:
    with serving(write, None, backend) as (sandbox, session):
        assert session.call("up", [1], {}) == 2
        run = sandbox._run
        assert run is not None
        reader = JournalReader(run.machine.folder() / RUN)
        ScopedSandbox.from_id(sandbox.sandbox_id).terminate()
        reader.read()
        assert len(reader.calls) == 1


# Without a trace.


def test_starts_and_stops_leave_nothing(backend: str, tmp_path: Path) -> None:
    # Each of their ways: detached or not, ended by a handle or by the block.
    assert cycles(6, backend, tools_file(tmp_path)) == []
