"""Faults of processes reach those of the sandbox under test, and no others."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import SandboxConfig, ScopedSandbox
from seer_rpc.errors import SeerError
from seer_runtime.wire.marks import MARK
from tests.faults.evidence import INTERFACE, VARIABLE, Evidence
from tests.faults.killer import Killer, Stopper
from tests.faults.processes import SandboxProcesses


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return Evidence(tmp_path / "evidence")


@pytest.fixture
def sandbox(evidence: Evidence) -> Iterator[ScopedSandbox]:
    with ScopedSandbox(
        SandboxConfig(env={VARIABLE: str(evidence.file)}, isolation="none")
    ) as scoped:
        yield scoped


@pytest.fixture
def session(sandbox: ScopedSandbox) -> Iterator[Session]:
    with Session(sandbox.serve(INTERFACE).connection) as opened:
        yield opened


@pytest.fixture
def processes(sandbox: ScopedSandbox, session: Session) -> SandboxProcesses:
    return SandboxProcesses(sandbox.sandbox_id)


def test_front_and_worker_are_found_and_nothing_is_left_at_the_end(
    sandbox: ScopedSandbox, session: Session, processes: SandboxProcesses, evidence: Evidence
) -> None:
    session.call("echo", ["one", ""], {})

    assert processes.workers() == processes.marked() == [evidence.last_pid()]
    assert sorted(processes.left()) == sorted([processes.front, evidence.last_pid()])
    sandbox.terminate()
    assert processes.left() == []


def test_processes_of_others_are_not_signalled(processes: SandboxProcesses) -> None:
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    other = {**os.environ, MARK: "another-sandbox/1/"}
    with subprocess.Popen(sleep, env=other) as stranger:
        assert not processes.send(stranger.pid, signal.SIGKILL)
        assert not processes.send(os.getpid(), signal.SIGKILL)
        assert stranger.poll() is None
        stranger.kill()
    assert not processes.send(stranger.pid, signal.SIGKILL)


def test_a_killer_kills_as_often_as_it_is_to(
    session: Session, processes: SandboxProcesses, evidence: Evidence, within: Callable[..., None]
) -> None:
    first = processes.workers()
    numbers = iter(range(10_000))

    def call() -> bool:
        with contextlib.suppress(SeerError):
            session.call("echo", [f"echo-{next(numbers)}", ""], {})
        return killer.is_done

    with Killer(processes, evidence, kills=3) as killer:
        within(call)
    session.close()
    assert killer.done == 3
    assert not set(first) & set(processes.workers())


@pytest.mark.parametrize("which", ["front", "worker"])
def test_a_process_that_is_stopped_goes_on(
    session: Session, processes: SandboxProcesses, within: Callable[..., None], which: str
) -> None:
    pid = processes.front if which == "front" else processes.workers()[0]
    stopper = Stopper(processes, stops=0)
    stopping = threading.Thread(target=stopper.stop, args=(pid, 1.5))
    stopping.start()

    def is_stopped() -> bool:
        status = Path(f"/proc/{pid}/stat").read_text()
        return status.rpartition(")")[2].split()[0] == "T"

    within(is_stopped)
    assert session.call("echo", ["one", "value"], {}) == "value"
    # What goes straight to the worker does not need the front.
    assert is_stopped() == (which == "front")
    stopping.join()
