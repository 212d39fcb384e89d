"""What happens at the moment when it suits nobody: other calls and other sessions go on."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import ScopedSandbox
from seer_rpc.errors import DeadlineExceededError, SessionError
from tests.integration.ways import DIRECT, DOOR, GRPC, NETWORKED, await_running, open_session

SOURCE = """
    import os
    import time

    import numpy as np


    @expose
    def nap(seconds: float) -> float:
        time.sleep(seconds)
        return seconds


    @expose(concurrent=True)
    def endless():
        while True:
            yield b"x" * 30_000


    @expose(batch=True)
    def forked(numbers: list[int]) -> list[int]:
        is_child = os.fork() == 0
        return [-number if is_child else number for number in numbers]


    @expose(concurrent=True)
    async def forked_beside(number: int) -> int:
        return number if os.fork() else -number


    @expose
    def large(size: int) -> np.ndarray:
        return np.ones(size, np.uint8)
"""


@pytest.fixture
def name(scoped: ScopedSandbox, write: Callable[..., Any]) -> str:
    return scoped.serve(write(SOURCE)).name


@pytest.fixture
def session(scoped: ScopedSandbox, name: str) -> Iterator[Session]:
    with open_session(scoped, name, DIRECT) as session:
        yield session


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


def test_a_client_that_sends_no_more_and_reads_nothing_holds_up_nobody(
    scoped: ScopedSandbox, name: str, session: Session
) -> None:
    with open_session(scoped, name, DIRECT) as bad:
        stream = bad.call("endless", [], {})
        assert next(stream) == b"x" * 30_000
        # Until the sockets are full.
        time.sleep(0.5)
        stream._source._channel.socket._socket.shutdown(socket.SHUT_WR)

        assert later(session, "nap", 0.0).result(60) == 0.0


def test_a_call_whose_turn_comes_just_after_its_deadline_is_told_of_that(
    scoped: ScopedSandbox, name: str, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_session(scoped, name, DIRECT) as other:
        # The front says it, too, and mostly first.
        monkeypatch.setattr(session._relay, "_on_end_of_call", lambda _: None)
        napping = later(other, "nap", 1.0)
        await_running(other)

        with pytest.raises(DeadlineExceededError) as caught:
            session.call("nap", [0.0], {}, timeout=0.1)

        assert napping.result(60) == 1.0
    assert (caught.value.started, caught.value.state) == (False, "kept")
    assert "0.1 s" in caught.value.message


def test_a_forked_child_answers_nothing_in_its_parents_place(session: Session) -> None:
    async def make() -> list[Any]:
        calls = [session.call_async("forked_beside", [number], {}) for number in range(1, 9)]
        return await asyncio.gather(*calls)

    for number in range(1, 6):
        assert later(session, "forked", number).result(60) == number
    assert asyncio.run(make()) == list(range(1, 9))


@pytest.mark.parametrize("way", [DOOR, GRPC])
def test_a_session_that_is_closed_takes_nothing_more(write: Callable[..., Any], way: str) -> None:
    with ScopedSandbox(NETWORKED) as sandbox:
        close_during_a_transfer(open_session(sandbox, sandbox.serve(write(SOURCE)).name, way))


def close_during_a_transfer(session: Session) -> None:
    link: Any = session._relay._link
    calling = later(session, "large", 1 << 30)
    while not link._incoming._arriving:
        time.sleep(0.001)
    arrived = 0
    take = link._incoming.take

    def count(frame: Any) -> Any:
        nonlocal arrived
        arrived += len(frame.body)
        return take(frame)

    link._incoming.take = count
    session.close()
    arrived = 0
    with pytest.raises(SessionError):
        calling.result(60)

    thread = next((each for each in threading.enumerate() if each.name == "seer-link"), None)
    if thread is not None:
        thread.join(60)
    assert arrived < 1 << 29


# What is interrupted while it is made is closed when nothing refers to it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_control_c_takes_no_number_along(session: Session) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    numbers = session._relay.numbers
    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        for number in range(400):
            with contextlib.suppress(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_REAL, 0.001 + number % 20 / 10_000)
                while True:
                    session.call("nap", [0.0], {})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)

    assert session.call("nap", [0.0], {}) == 0.0
    # One that nobody answers would keep the session from going on, a window of calls later.
    assert numbers.acked == numbers._last
