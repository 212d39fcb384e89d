"""The same done with several sandboxes, side by side."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from typing import TypeVar

from seer_rpc.client.cancellation import CURRENT, Cancellation, ending
from seer_rpc.errors import CallCancelledError

T = TypeVar("T")


def together(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Do all of them, each on a thread of its own; gives what they give, in their order.

    Where one fails, or this is interrupted, the others are given up. That is raised when all are
    over; an interruption while they end is raised at once.
    """
    cancellation = Cancellation()
    context = _given_up_by(cancellation)
    begun: list[Future[T]] = []
    errors: list[BaseException] = []
    # Not an executor's threads: a program that gives up would wait for them at its end.
    with ending(cancellation):
        try:
            begun.extend(_begin(context.copy(), task, errors) for task in tasks)
            wait(begun, return_when=FIRST_EXCEPTION)
            if errors:
                raise errors[0]
            return [each.result() for each in begun]
        except BaseException:
            cancellation.cancel()
            wait(begun)
            raise


def finish_together(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Do as `together`, whatever was given up: what has to be done at an end."""
    return _given_up_by(None).run(together, tasks)


def together_until(given_up: Cancellation, tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Do as `together`, until that gives them up, or whoever waits for this is given up."""
    cancellation = Cancellation()
    given_up.add(cancellation)
    try:
        with ending(cancellation):
            return _given_up_by(cancellation).run(together, tasks)
    finally:
        given_up.remove(cancellation)


def check_given_up() -> None:
    """Stop here, where what goes on was given up.

    Raises:
        CallCancelledError: it was.
    """
    current = CURRENT.get()
    if current is not None and current.is_cancelled:
        raise CallCancelledError("it was given up")


def _given_up_by(cancellation: Cancellation | None) -> contextvars.Context:
    context = contextvars.copy_context()
    context.run(CURRENT.set, cancellation)
    return context


def _begin(
    context: contextvars.Context, task: Callable[[], T], errors: list[BaseException]
) -> Future[T]:
    future: Future[T] = Future()

    def run() -> None:
        try:
            check_given_up()
            future.set_result(task())
        except BaseException as error:  # noqa: BLE001 - whoever waits for all of them raises it
            errors.append(error)
            future.set_exception(error)

    thread = threading.Thread(target=context.run, args=(run,), name="seer-pool", daemon=True)
    thread.start()
    return future
