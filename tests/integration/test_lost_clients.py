"""Named sessions whose client is gone before it had an answer that was on its way to it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seer_rpc.client import Connection, Session
from seer_rpc.environment import SandboxConfig, ScopedSandbox
from seer_rpc.errors import SessionOverError, WorkerDiedError
from tests.integration.ways import DIRECT, DOOR, open_session
from tests.pids import on_host

SOURCE = """
    import os
    import time


    def run(file: str, seconds: float, size: int) -> bytes:
        with open(file, "a") as log:
            log.write("run\\n")
        time.sleep(seconds)
        return b"x" * size


    @expose
    def work(file: str, seconds: float, size: int) -> bytes:
        return run(file, seconds, size)


    @expose(concurrent=True)
    def work_beside(file: str, seconds: float, size: int) -> bytes:
        return run(file, seconds, size)


    @expose(concurrent=True)
    def up(number: int) -> int:
        return number + 1


    @expose
    def pid() -> int:
        return os.getpid()
"""

CLIENT = """
    import sys
    import threading
    import time
    from pathlib import Path

    from seer_rpc.client import Connection, Session, direct

    file, log = sys.argv[1:]
    direct._PATIENCE = 30.0
    session = Session(Connection.read(Path(file)), name="job", lease=60)
    assert session._direct is not None
    {work}
    print("done", flush=True)
    time.sleep(600)
"""

SMALL, LARGE = 10, 1 << 20


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScopedSandbox]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        # Its functions write to files that the tests read.
        sandbox = ScopedSandbox(SandboxConfig(isolation="none")).start()
    with sandbox:
        file = tmp_path_factory.mktemp("lost") / "tools.py"
        file.write_text(textwrap.dedent(SOURCE))
        sandbox.serve(file)
        yield sandbox


@pytest.fixture
def connection(sandbox: ScopedSandbox) -> Connection:
    return sandbox.connection("tools")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def start(
    connection: Connection, tmp_path: Path, log: Path
) -> Callable[[str], subprocess.Popen[str]]:
    """Start a client of the session "job" that does some work, says so and stays."""

    def start_one(work: str) -> subprocess.Popen[str]:
        file = tmp_path / "connection.json"
        file.touch(0o600)
        file.write_text(connection.to_json())
        program = textwrap.dedent(CLIENT).replace("{work}", work)
        return subprocess.Popen(
            [sys.executable, "-c", program, file, log], stdout=subprocess.PIPE, text=True
        )

    return start_one


def kill(client: subprocess.Popen[str]) -> None:
    with client:
        client.kill()


def open_job(sandbox: ScopedSandbox, way: str = DIRECT) -> Session:
    return open_session(sandbox, "tools", way, name="job", lease=60)


@contextlib.contextmanager
def busy_worker(connection: Connection, log: Path, seconds: float) -> Iterator[Session]:
    """Have another session's call run on the main thread as soon as it is free."""
    with Session(connection) as other:
        args = [f"{log}.other", seconds, 1]
        thread = threading.Thread(target=other.call, args=("work", args, {}))
        thread.start()
        yield other
        thread.join()


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("way", [DIRECT, DOOR])
@pytest.mark.parametrize("is_busy", [True, False], ids=["busy", "idle"])
def test_an_answer_that_was_never_read_is_collected(
    sandbox: ScopedSandbox,
    connection: Connection,
    log: Path,
    start: Callable[[str], subprocess.Popen[str]],
    wait_until: Callable[..., None],
    size: int,
    way: str,
    is_busy: bool,
) -> None:
    client = start(f'session.call("work", [log, 1.0, {size}], {{}})')
    wait_until(log.exists)
    # It cannot read any more; the call goes on.
    client.send_signal(signal.SIGSTOP)
    with busy_worker(connection, log, 2.0 if is_busy else 0.0):
        wait_until(Path(f"{log}.other").exists)
        kill(client)
        with open_job(sandbox, way) as session:
            assert list(session.pending.values()) == ["work"]
            assert session.collect(next(iter(session.pending))) == b"x" * size
            assert session.pending == {}
            assert session.call("up", [1], {}) == 2
    assert log.read_text() == "run\n"


def test_the_answer_is_pending_however_late_or_early_it_comes_to_the_front(
    sandbox: ScopedSandbox,
    connection: Connection,
    log: Path,
    start: Callable[[str], subprocess.Popen[str]],
    wait_until: Callable[..., None],
) -> None:
    client = start(f'session.call("work", [log, 1.0, {LARGE}], {{}})')
    wait_until(log.exists)
    client.send_signal(signal.SIGSTOP)
    with busy_worker(connection, log, 0.0):
        wait_until(Path(f"{log}.other").exists)
    kill(client)
    first = open_job(sandbox)
    second = open_job(sandbox)
    assert first.pending == second.pending != {}
    wait_until(lambda: first.lost)
    (number,) = second.pending
    assert second.collect(number) == b"x" * LARGE
    second.close()


def test_a_result_that_the_client_had_taken_in_is_said_to_be_gone(
    sandbox: ScopedSandbox,
    start: Callable[[str], subprocess.Popen[str]],
    wait_until: Callable[..., None],
) -> None:
    # What follows soon, and what does not, has the memory released.
    client = start(f'session.call("work", [log, 0.0, {LARGE}], {{}}); time.sleep(1.0)')
    assert client.stdout is not None
    assert client.stdout.readline() == "done\n"
    kill(client)
    with open_job(sandbox) as session:
        (number,) = session.pending
        with pytest.raises(SessionOverError, match="has run") as caught:
            session.collect(number)
        assert caught.value.started
        assert caught.value.call_id
        assert session.call("up", [1], {}) == 2


@pytest.mark.parametrize("way", [DIRECT, DOOR])
def test_a_call_whose_worker_died_too_is_told(
    sandbox: ScopedSandbox,
    connection: Connection,
    log: Path,
    start: Callable[[str], subprocess.Popen[str]],
    wait_until: Callable[..., None],
    way: str,
) -> None:
    with Session(connection) as other:
        worker = on_host(sandbox, other.call("pid", [], {}, timeout=60))
    client = start('session.call("work", [log, 60.0, 1], {})')
    wait_until(log.exists)
    kill(client)
    os.kill(worker, signal.SIGKILL)
    with open_job(sandbox, way) as session:
        (number,) = session.pending
        with pytest.raises(WorkerDiedError) as caught:
            session.collect(number)
        assert caught.value.started
        assert session.call("up", [1], {}) == 2
    assert log.read_text() == "run\n"


def test_what_the_client_certainly_had_is_not_pending(
    sandbox: ScopedSandbox,
    log: Path,
    start: Callable[[str], subprocess.Popen[str]],
    wait_until: Callable[..., None],
) -> None:
    client = start(
        'threading.Thread(target=session.call, args=("work_beside", [log, 4.0, 7], {})).start(); '
        "time.sleep(0.5); "
        'assert [session.call("up", [n], {}) for n in range(300)][-1] == 300'
    )
    assert client.stdout is not None
    assert client.stdout.readline() == "done\n"
    kill(client)
    with open_job(sandbox) as session:
        # The last one may have been on its way.
        assert sorted(session.pending.values()) == ["up", "work_beside"]
        found = [session.collect(number) for number in session.pending]
        assert found == [b"x" * 7, 300]


def test_a_session_that_was_closed_leaves_nothing_to_the_next_one_of_its_name(
    sandbox: ScopedSandbox,
) -> None:
    for number in range(20):
        with open_job(sandbox) as session:
            assert session.pending == {}
            assert session.call("up", [number], {}) == number + 1
        # A client does not wait until the front has heard it.
        time.sleep(0.25)
