"""Calls of Modal's client that end when they should: some of them wait without a limit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from seer_rpc.errors import SandboxStartError

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
    future: Future[T] = Future()
    threading.Thread(target=_run, args=(future, task), name="seer-modal", daemon=True).start()
    try:
        return future.result(seconds)
    except BaseException:
        future.add_done_callback(lambda done: done.exception() or undo(done.result()))
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


def _run(future: Future[T], task: Callable[[], T]) -> None:
    try:
        result = task()
    except BaseException as error:  # noqa: BLE001 - whoever waits gets it
        future.set_exception(error)
    else:
        future.set_result(result)
