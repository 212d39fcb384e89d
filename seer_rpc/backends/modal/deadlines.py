"""Calls of Modal's client that end when they should: some of them wait without a limit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from seer_rpc.client.cancellation import ending
from seer_rpc.errors import CallCancelledError, SandboxStartError

T = TypeVar("T")
ANSWER = 60.0
"""Seconds in which Modal answers what takes it no time."""


def within(
    seconds: float, task: Callable[[], T], undo: Callable[[T], object] = lambda _: None
) -> T:
    """Give what `task` gives, or raises, within so many seconds.

    What it gives later, or after an interruption of this thread, is undone.

    Raises:
        TimeoutError: it takes longer.
    """
    future = _begin(task)
    try:
        return future.result(seconds)
    except BaseException:
        _undo(future, undo)
        raise


def asked(task: Callable[[], T]) -> T:
    """Give what Modal answers to what takes it no time.

    Raises:
        SandboxStartError: it does not answer.
    """
    try:
        return within(ANSWER, task)
    except TimeoutError:
        raise SandboxStartError(f"Modal does not answer within {ANSWER:.0f} s") from None


def within_unless_given_up(
    seconds: float, task: Callable[[], T], undo: Callable[[T], object] = lambda _: None
) -> T:
    """Do as `within`, for as long as whoever asked for it does not give it up.

    Raises:
        TimeoutError: it takes longer.
        CallCancelledError: it was given up.
    """
    future, waiting = _begin(task), _Waiting()
    future.add_done_callback(lambda _: waiting.over.set())
    try:
        with ending(waiting):
            in_time = waiting.over.wait(seconds)
        if future.done():
            return future.result()
        raise CallCancelledError("it was given up") if in_time else TimeoutError
    except BaseException:
        _undo(future, undo)
        raise


class _Waiting:
    """For what comes first: an end, or being given up."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def cancel(self) -> None:
        self.over.set()


def _begin(task: Callable[[], T]) -> Future[T]:
    future: Future[T] = Future()
    threading.Thread(target=_run, args=(future, task), name="seer-modal", daemon=True).start()
    return future


def _undo(future: Future[T], undo: Callable[[T], object]) -> None:
    future.add_done_callback(lambda done: done.exception() or undo(done.result()))


def _run(future: Future[T], task: Callable[[], T]) -> None:
    try:
        result = task()
    except BaseException as error:  # noqa: BLE001 - whoever waits gets it
        future.set_exception(error)
    else:
        future.set_result(result)
