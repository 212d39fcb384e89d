"""What was called, as sandboxes write it down; ids in errors and in front of printed lines."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seer_rpc.client import Session
from seer_rpc.environment import CallRecord, SandboxConfig, ScopedSandbox
from seer_rpc.errors import (
    ArgumentError,
    CallError,
    DeadlineExceededError,
    FunctionMissingError,
    SandboxError,
    SandboxLostError,
    SeerError,
    StateLostError,
    WorkerDiedError,
)
from seer_runtime.wire.call_ids import call_id
from seer_runtime.wire.entries import Source, pack_chunk
from seer_runtime.wire.journal import CURRENT
from tests.integration.ways import await_running
from tests.pids import front_of

SOURCE = '''
import asyncio
import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time

import tqdm

print("loading")
log = logging.getLogger("tools")
logging.basicConfig(level=logging.INFO)


@expose
def shout(text, times: int = 1):
    """Shout."""
    print("shouting", text)
    return text if not isinstance(text, str) else text.upper() * times


@expose
def fail(message: str):
    raise ValueError(message)


@expose
def leave():
    sys.exit(3)


@expose
def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@expose
def poison() -> None:
    raise RuntimeError("CUDA error: device-side assert triggered")


@expose
def nap(seconds: float) -> str:
    time.sleep(seconds)
    return "rested"


@expose
def hold(seconds: float) -> None:
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))


@expose
async def doze(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "rested"


@expose
def count(to: int):
    for number in range(to):
        print("item", number)
        yield number
    if to == 3:
        raise KeyError("three")


@expose(concurrent=True)
async def chat(name: str) -> None:
    for number in range(3):
        print(name, number, end="")
        await asyncio.sleep(0.01)
        print(" still", name)
        await asyncio.to_thread(print, name, "beside")


@expose(concurrent=True)
def talk(name: str) -> None:
    for number in range(20):
        print(name, number)
        time.sleep(0.001)


@expose(batch=True, max_batch=4, max_wait_ms=200)
def double(x: list[int]) -> list[int]:
    print("doubling", len(x))
    return [each * 2 for each in x]


@expose
def noises() -> None:
    log.info("logged")
    print("err", file=sys.stderr)
    print("direct", file=sys.__stdout__)
    for _ in tqdm.tqdm(range(2), ascii=True, mininterval=0):
        pass
    sys.stdout.flush()
    subprocess.run(["echo", "from a child"], check=True)
    os.write(1, b"from C\\n")
    print("the end", end="")
'''


@pytest.fixture(scope="module")
def box(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ScopedSandbox]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.delenv("SEER_BACKEND", raising=False)
        sandbox = ScopedSandbox(SandboxConfig(listen="127.0.0.1:0", tls="off")).start()
        file = tmp_path_factory.mktemp("interface") / "tools.py"
        file.write_text(SOURCE)
        sandbox.serve(file)
    with sandbox:
        yield sandbox


@pytest.fixture(params=["direct", "relayed"])
def session(box: ScopedSandbox, request: pytest.FixtureRequest) -> Iterator[Session]:
    is_direct = request.param == "direct"
    with Session((box.connection if is_direct else box.network_connection)("tools")) as session:
        yield session


@pytest.fixture
def direct(box: ScopedSandbox) -> Iterator[Session]:
    with Session(box.connection("tools")) as session:
        yield session


def failing(session: Session, function: str, *args: Any, timeout: float | None = None) -> SeerError:
    with pytest.raises(SeerError) as caught:
        session.call(function, list(args), {}, timeout=timeout)
    return caught.value


def calls_of(box: ScopedSandbox, session: Session) -> list[CallRecord]:
    return [each for each in box.calls() if each.session == session.id.hex()]


def lines_of(box: ScopedSandbox, session: Session, seq: int = 1) -> list[str]:
    prefix = f"[{call_id(session.id, seq)}] "
    lines = box.rpc_logs(100_000).splitlines()
    return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]


def test_a_call_is_written_down_as_it_was(box: ScopedSandbox, session: Session) -> None:
    before = datetime.now(UTC)
    assert session.call("shout", ["hé"], {"times": 2}) == "HÉHÉ"
    session.call("nap", [0.1], {})
    session.call("shout", [np.zeros((300, 300))], {})

    first, second, third = calls_of(box, session)
    assert before - timedelta(seconds=0.1) < first.time < datetime.now(UTC)
    assert (first.interface, first.function, first.arguments) == ("tools", "shout", "'hé', times=2")
    assert (first.outcome, first.failed, first.effect, first.state) == (
        *("ok", False),
        *("finished", "kept"),
    )
    assert first.call_id == call_id(session.id, 1)
    assert (first.sandbox, first.epoch) == (box.sandbox_id, session.epoch)
    assert first.duration is not None
    assert second.duration is not None
    assert 0 <= first.duration < 60
    assert 0.1 <= second.duration < 60
    assert third.arguments == "<array <f8 [300, 300], 720.0 KB>"


@pytest.mark.parametrize(
    ("function", "args", "kind", "outcome", "exception"),
    [
        ("fail", ["no"], ValueError, "raised", "ValueError"),
        ("leave", [], CallError, "exited", "SystemExit"),
        ("shout", ["a", "b"], ArgumentError, "arguments", ""),
        ("shuot", ["a"], FunctionMissingError, "no_function", ""),
    ],
)
def test_a_failure_is_found_by_the_id_that_its_error_shows(
    box: ScopedSandbox,
    session: Session,
    function: str,
    args: list[Any],
    kind: type[Exception],
    outcome: str,
    exception: str,
) -> None:
    session.call("nap", [0.0], {})
    error = failing(session, function, *args)

    assert isinstance(error, kind)
    assert error.call_id == call_id(session.id, 2)
    assert f"\nCall: {error.call_id}" in str(error)
    (record,) = [each for each in box.calls(failed=True) if each.call_id == error.call_id]
    assert (record.function, record.outcome) == (function, outcome)
    assert exception in record.exception
    assert record.message


def test_a_stream_is_one_call(
    box: ScopedSandbox, session: Session, wait_until: Callable[..., None]
) -> None:
    assert list(session.call("count", [2], {})) == [0, 1]
    stream = session.call("count", [3], {})
    with pytest.raises(KeyError) as caught:
        list(stream)
    stopped = session.call("count", [10**9], {})
    next(stopped)
    stopped.close()
    # Nobody waits for its end.
    wait_until(lambda: [each.outcome for each in calls_of(box, session)][2:] == ["cancelled"])

    assert caught.value.call_id == call_id(session.id, 2)  # type: ignore[attr-defined]
    whole, failed, ended = calls_of(box, session)
    assert (whole.outcome, failed.outcome, failed.exception) == ("ok", "raised", "KeyError")
    assert (ended.outcome, ended.effect) == ("cancelled", "interrupted")
    assert lines_of(box, session) == ["item 0", "item 1"]


def test_a_call_that_is_cancelled_says_so(box: ScopedSandbox, session: Session) -> None:
    error = failing(session, "doze", 30.0, timeout=0.2)

    async def give_up() -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(session.call_async("doze", [300.0], {}), 1.0)

    asyncio.run(give_up())
    session.call("nap", [0.0], {})

    assert isinstance(error, DeadlineExceededError)
    assert error.call_id == call_id(session.id, 1)
    overdue, cancelled, _ = calls_of(box, session)
    assert (overdue.function, overdue.outcome) == ("doze", "deadline")
    assert (cancelled.outcome, cancelled.effect, cancelled.state) == (
        *("cancelled", "interrupted"),
        "kept",
    )
    assert cancelled.duration is not None
    assert 0.1 < cancelled.duration < 300


def test_a_call_that_is_cancelled_while_it_waits_did_not_run(
    box: ScopedSandbox, session: Session, direct: Session
) -> None:
    running = threading.Thread(target=direct.call, args=("nap", [1.5], {}))
    running.start()
    await_running(direct)
    error = failing(session, "shout", "never", timeout=0.2)
    running.join()

    assert isinstance(error, DeadlineExceededError)
    assert not error.started
    (record,) = calls_of(box, session)
    assert (record.function, record.arguments) == ("shout", "'never'")
    assert (record.outcome, record.effect) == ("deadline", "not_started")


def test_a_call_that_runs_is_there_already(
    box: ScopedSandbox, direct: Session, wait_until: Callable[..., None]
) -> None:
    running = threading.Thread(target=direct.call, args=("nap", [2.5], {}))
    running.start()
    wait_until(lambda: calls_of(box, direct))
    (record,) = calls_of(box, direct)
    running.join()

    assert (record.function, record.arguments, record.outcome) == ("nap", "2.5", "running")
    assert (record.duration, record.failed, record.effect) == (None, False, "")
    (record,) = calls_of(box, direct)
    assert record.outcome == "ok"


def test_a_call_that_kills_its_worker_is_written_down(box: ScopedSandbox, session: Session) -> None:
    session.call("nap", [0.5], {})
    epoch = session.epoch
    error = failing(session, "die")

    assert isinstance(error, WorkerDiedError)
    assert error.call_id == call_id(session.id, 2)
    before, died, *_ = calls_of(box, session)
    assert before.outcome in ("ok", "unknown")
    assert (died.function, died.arguments) == ("die", "")
    assert (died.outcome, died.effect, died.state) == ("worker_died", "interrupted", "lost")
    assert (died.epoch, died.call_id) == (epoch, error.call_id)
    assert died.duration is not None
    assert "SIGKILL" in died.message


def test_a_call_that_its_caller_left_and_that_cost_the_worker_is_known(
    box: ScopedSandbox, direct: Session
) -> None:
    error = failing(direct, "hold", 100.0, timeout=1.5)

    assert isinstance(error, DeadlineExceededError)
    assert error.state == "lost"
    (record,) = calls_of(box, direct)
    # The interpreter stood still: only the ledger tells of it.
    assert (record.function, record.outcome) == ("hold", "deadline")
    assert record.duration is not None
    assert 5 < record.duration < 100


def test_a_call_that_was_refused_is_written_down(box: ScopedSandbox, session: Session) -> None:
    with Session(box.connection("tools")) as other:
        failing(other, "die")
    error = failing(session, "shout", "later")

    assert isinstance(error, StateLostError)
    assert error.call_id == call_id(session.id, 1)
    (record,) = calls_of(box, session)
    assert (record.function, record.arguments) == ("shout", "'later'")
    assert (record.outcome, record.effect) == ("state_lost", "not_started")


def test_a_worker_that_leaves_writes_its_last_call(box: ScopedSandbox, direct: Session) -> None:
    error = failing(direct, "poison")

    assert error.state == "lost"
    (record,) = calls_of(box, direct)
    assert (record.function, record.outcome, record.state) == ("poison", "raised", "lost")


def test_an_interface_that_is_served_anew_loses_no_record(
    scoped: ScopedSandbox, write: Callable[..., Path]
) -> None:
    file = write("@expose\ndef f(x: int) -> int:\n    return x\n")
    for epoch in (1, 2):
        library = scoped.serve(file)
        with Session(library.connection) as session:
            session.call("f", [epoch], {})

    assert [(each.epoch, each.arguments, each.outcome) for each in scoped.calls()] == [
        (1, "1", "ok"),
        (2, "2", "ok"),
    ]
    assert scoped.calls(interface="other") == []


def test_calls_can_be_chosen(box: ScopedSandbox, direct: Session) -> None:
    since = datetime.now(UTC)
    direct.call("shout", ["x"], {})
    failing(direct, "fail", "no")
    direct.call("nap", [0], {})

    assert [each.function for each in box.calls(since=since)] == ["shout", "fail", "nap"]
    assert [each.function for each in box.calls(since=since, failed=True)] == ["fail"]
    assert [each.function for each in box.calls(since=since, function="nap")] == ["nap"]
    assert [each.function for each in box.calls(last=1)] == ["nap"]
    assert box.calls(since=timedelta(0)) == []


def test_there_are_no_calls_without_a_sandbox(box: ScopedSandbox) -> None:
    with pytest.raises(SandboxError, match="not running"):
        ScopedSandbox().calls()


def journal_of(sandbox: ScopedSandbox) -> Path:
    """Give the file that the front writes."""
    assert sandbox._run is not None
    return sandbox._run.machine.journal() / CURRENT


def test_the_journal_is_for_its_owner_and_goes_with_the_sandbox(
    scoped: ScopedSandbox, write: Callable[..., Path]
) -> None:
    library = scoped.serve(write("@expose\ndef f(secret: str) -> None: ..."))
    with Session(library.connection) as session:
        session.call("f", ["s3cret"], {})
    scoped.calls()
    file = journal_of(scoped)

    assert b"s3cret" in file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    scoped.terminate()
    assert not file.exists()


def test_a_damaged_journal_is_read_as_far_as_it_goes(
    scoped: ScopedSandbox, write: Callable[..., Path]
) -> None:
    library = scoped.serve(write("@expose\ndef f() -> None: ..."))
    with Session(library.connection) as session:
        session.call("f", [], {})
        assert len(scoped.calls()) == 1
        file = journal_of(scoped)
        with file.open("ab") as torn:
            torn.write(pack_chunk(Source("tools", 1, 0.0))[:-1])
        session.call("f", [], {})

    assert len(scoped.calls()) == 2


def test_calls_that_a_gone_sandbox_cut_off_have_their_ids(
    scoped: ScopedSandbox, write: Callable[..., Path], wait_until: Callable[..., None]
) -> None:
    library = scoped.serve(
        write("import time\n@expose\ndef f() -> None:\n    print('in f')\n    time.sleep(600)\n")
    )
    session = Session(library.connection)
    errors: list[SeerError] = []
    caller = threading.Thread(target=lambda: errors.append(failing(session, "f")))
    caller.start()
    wait_until(lambda: "in f" in scoped.rpc_logs())
    wait_until(scoped.calls)
    os.kill(front_of(scoped), signal.SIGKILL)
    caller.join()
    session.close()

    (error,) = errors
    assert isinstance(error, SandboxLostError)
    assert error.call_id == call_id(session.id, 1)
    (record,) = scoped.calls()
    assert (record.function, record.outcome, record.effect) == ("f", "unknown", "")


def test_an_error_without_a_call_has_no_id(direct: Session) -> None:
    with pytest.raises(SeerError) as caught:
        direct.call("shout", [object()], {})
    assert caught.value.call_id == ""
    assert "Call:" not in str(caught.value)


def test_lines_of_calls_that_run_at_once_are_told_apart(box: ScopedSandbox) -> None:
    for function in ("chat", "talk"):
        with Session(box.connection("tools")) as session:
            callers = [
                threading.Thread(target=session.call, args=(function, [name], {})) for name in "ab"
            ]
            for caller in callers:
                caller.start()
            for caller in callers:
                caller.join()
            box.calls()

            lines = [lines_of(box, session, seq) for seq in (1, 2)]
        for mine in lines:
            name = mine[0][0]
            if function == "talk":
                assert mine == [f"{name} {number}" for number in range(20)]
            else:
                texts = [(f"{name} {number} still {name}", f"{name} beside") for number in range(3)]
                assert mine == [text for pair in texts for text in pair]


def test_lines_of_a_batch_name_each_of_its_calls(box: ScopedSandbox, direct: Session) -> None:
    async def call_all() -> list[Any]:
        return await asyncio.gather(*(direct.call_async("double", [x], {}) for x in range(4)))

    assert asyncio.run(call_all()) == [0, 2, 4, 6]
    assert len(calls_of(box, direct)) == 4
    named = [line for line in box.rpc_logs(1000).splitlines() if call_id(direct.id, 3) in line]
    assert len(named) == 1
    assert "] doubling " in named[0]


def test_whatever_prints_in_python_is_marked(
    box: ScopedSandbox, direct: Session, wait_until: Callable[..., None]
) -> None:
    direct.call("noises", [], {})
    wait_until(lambda: "the end" in lines_of(box, direct))
    lines = box.rpc_logs(1000).splitlines()
    mine = lines_of(box, direct)

    assert [line for line in mine if "%|" not in line] == [
        *("INFO:tools:logged", "err", "direct", "the end"),
    ]
    assert [line for line in mine if "it/s" in line][-1].startswith("100%|")
    for text in ("from a child", "from C", "loading"):
        assert text in lines
