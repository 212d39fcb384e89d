"""`client.map` when nobody takes its results any more: what is on its way ends."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seer_rpc import client
from seer_rpc.client import Session
from seer_rpc.environment import ScopedSandbox
from tests.integration.ways import DIRECT, GRPC, NETWORKED, WAYS, open_session

SOURCE = """
    import asyncio
    import time


    def note(file: str, word: str, number: int) -> None:
        with open(file, "a") as log:
            log.write(f"{word} {number}\\n")


    @expose
    def nap(file: str, number: int) -> int:
        note(file, "begun", number)
        end = time.monotonic() + 600 * (number > 0)
        try:
            while time.monotonic() < end:
                time.sleep(0.01)
        except BaseException:
            note(file, "ended", number)
            raise
        return number


    @expose(concurrent=True)
    async def nap_beside(file: str, number: int) -> int:
        note(file, "begun", number)
        try:
            await asyncio.sleep(600 * (number > 0))
        except BaseException:
            note(file, "ended", number)
            raise
        return number


    @expose
    def numbers(file: str, most: int):
        note(file, "begun", most)
        try:
            yield from range(most)
        except BaseException:
            note(file, "ended", most)
            raise


    @expose(idempotent=True)
    def stubborn(file: str, number: int) -> int:
        note(file, "begun", number)
        while number:
            try:
                time.sleep(0.01)
            except BaseException:
                pass
        return number
"""

PROGRAM = """
    import sys
    from pathlib import Path
    from seer_rpc import client

    file, log = sys.argv[1:]
    session = client.Session(client.Connection.read(Path(file)))
    results = client.map(lambda n: session.call("nap_beside", [log, n], {}), range(100), 3)
    try:
        for result in results:
            print(result, flush=True)
            {then}
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""

AT_ONCE = 3
SOON = 60.0
"""Seconds; far less than the calls take."""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScopedSandbox]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        # The functions write into files of this machine.
        sandbox = ScopedSandbox(dataclasses.replace(NETWORKED, isolation="none")).start()
    with sandbox:
        file = tmp_path_factory.mktemp("interface") / "naps.py"
        file.write_text(textwrap.dedent(SOURCE))
        sandbox.serve(file)
        yield sandbox


@pytest.fixture(params=WAYS)
def session(sandbox: ScopedSandbox, request: pytest.FixtureRequest) -> Iterator[Session]:
    with open_session(sandbox, "naps", request.param) as session:
        yield session


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "log"
    file.touch()
    return file


def noted(log: Path, word: str) -> set[int]:
    lines = (line.split() for line in log.read_text().splitlines())
    return {int(number) for what, number in lines if what == word}


def call(session: Session, function: str, log: Path) -> Callable[[int], int]:
    return lambda number: int(session.call(function, [str(log), number], {}))


def close(results: Iterator[int]) -> None:
    begun = time.monotonic()
    results.close()  # type: ignore[attr-defined]
    assert time.monotonic() - begun < SOON


def test_calls_that_run_are_ended(
    session: Session, log: Path, wait_until: Callable[..., None]
) -> None:
    results = client.map(call(session, "nap_beside", log), range(100), AT_ONCE)
    assert next(results) == 0
    wait_until(lambda: noted(log, "begun") == {0, 1, 2, 3})
    close(results)
    wait_until(lambda: noted(log, "ended") == {1, 2, 3})
    assert session.call("nap", [str(log), 0], {}) == 0
    assert noted(log, "begun") == {0, 1, 2, 3}


def test_one_that_runs_is_ended_by_an_exception_and_the_others_never_begin(
    session: Session, log: Path, wait_until: Callable[..., None]
) -> None:
    results = client.map(call(session, "nap", log), range(100), AT_ONCE)
    assert next(results) == 0
    wait_until(lambda: len(noted(log, "begun")) == 2)
    close(results)
    # The worker is free again.
    assert session.call("nap", [str(log), 0], {}, timeout=60) == 0
    assert len(noted(log, "begun")) == 2
    assert noted(log, "ended") == noted(log, "begun") - {0}


def test_what_cannot_be_ended_ends_with_its_worker_and_is_not_made_again(
    session: Session, log: Path, wait_until: Callable[..., None]
) -> None:
    results = client.map(call(session, "stubborn", log), range(100), AT_ONCE)
    assert next(results) == 0
    wait_until(lambda: len(noted(log, "begun")) == 2)
    close(results)
    assert session.call("stubborn", [str(log), 0], {}, timeout=60) == 0
    assert session.call("stubborn", [str(log), 0], {}, timeout=60) == 0
    assert len(noted(log, "begun")) == 2


def test_an_error_of_the_caller_or_of_a_call_gives_up_the_rest(
    session: Session, log: Path, wait_until: Callable[..., None]
) -> None:
    def refuse_2(number: int) -> int:
        if number == 2:
            raise ValueError("not this one")
        return call(session, "nap_beside", log)(60 * (number == 3))

    def take() -> None:
        for _ in client.map(refuse_2, range(100), AT_ONCE):
            # The others get time to begin.
            wait_until(lambda: 60 in noted(log, "begun"))

    with pytest.raises(ValueError, match="not this one"):
        take()
    wait_until(lambda: 60 in noted(log, "ended"))


def test_streams_that_nobody_took_end_and_those_that_were_taken_go_on(
    session: Session, log: Path, wait_until: Callable[..., None]
) -> None:
    def stream(most: int) -> client.ResultStream:
        found = session.call("numbers", [str(log), most], {})
        assert isinstance(found, client.ResultStream)
        return found

    results = client.map(stream, [3, 20_000], 2)
    assert list(next(results)) == [0, 1, 2]
    wait_until(lambda: 20_000 in noted(log, "begun"))
    close(results)  # type: ignore[arg-type]
    del results
    wait_until(lambda: noted(log, "ended") == {20_000})
    assert [len(list(each)) for each in client.map(stream, [3, 4], 2)] == [3, 4]


def test_a_stream_that_the_function_reads_itself_ends(
    session: Session, log: Path, wait_until: Callable[..., None]
) -> None:
    read = threading.Event()

    def total(most: int) -> int:
        total = 0
        for number in session.call("numbers", [str(log), most], {}):
            total += number
            if number == 1:
                read.set()
        return total

    results = client.map(total, [1, 1_000_000], 2)
    assert next(results) == 0
    assert read.wait(60)
    close(results)
    wait_until(lambda: noted(log, "ended") == {1_000_000})


def test_a_function_that_goes_on_calling_is_stopped(
    session: Session, log: Path, wait_until: Callable[..., None]
) -> None:
    ends: list[BaseException] = []

    def many(number: int) -> int:
        try:
            while number:
                call(session, "nap", log)(0)
        except BaseException as error:
            ends.append(error)
            raise
        return number

    results = client.map(many, [0, 1], 2)
    assert next(results) == 0
    wait_until(lambda: noted(log, "begun"))
    close(results)
    wait_until(lambda: ends)
    assert session.call("nap", [str(log), 0], {}) == 0


@pytest.mark.parametrize("way", [DIRECT, GRPC])
@pytest.mark.parametrize("then", ["pass", "break", "raise SystemExit(0)"])
def test_a_program_that_gives_up_does_not_wait(
    sandbox: ScopedSandbox,
    tmp_path: Path,
    log: Path,
    way: str,
    then: str,
    wait_until: Callable[..., None],
) -> None:
    connection = (sandbox.network_connection if way == GRPC else sandbox.connection)("naps")
    file = tmp_path / "connection.json"
    file.touch(0o600)
    file.write_text(connection.to_json())
    program = textwrap.dedent(PROGRAM).replace("{then}", then)
    with subprocess.Popen(
        [sys.executable, "-c", program, file, log], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "0\n"
        if then == "pass":
            wait_until(lambda: len(noted(log, "begun")) > AT_ONCE)
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "interrupted\n"
        assert process.wait(60) == 0
    if way == DIRECT:
        # At once, or with the session of the client that is gone.
        wait_until(lambda: noted(log, "ended") == noted(log, "begun") - {0})
    assert len(noted(log, "begun")) <= AT_ONCE + 1
