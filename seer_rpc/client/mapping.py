"""Many calls of one function, several of them on their way at a time."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from seer_rpc.client.groups import CallGroup
from seer_rpc.errors import ArgumentError

T = TypeVar("T")
R = TypeVar("R")


def map(function: Callable[[T], R], items: Iterable[T], at_once: int = 16) -> Iterator[R]:
    """Call a function of a generated library on each item; give the results in their order.

    Up to `at_once` calls are on their way while earlier results are used: none waits for the
    network, functions with `@expose(concurrent=True)` run beside each other, and those with
    `@expose(batch=True)` have something to gather. Items are taken no further ahead than that.

    Whoever stops to take results makes no more calls, and gives up those on their way, as
    Ctrl-C gives up a single one; nobody waits for their end.

    Raises:
        ArgumentError: `at_once` is less than 1.
        SeerError: what a call raises, when it comes to its result; the rest is given up then.
    """
    if at_once < 1:
        raise ArgumentError(f"map() makes at least one call at once, not {at_once}")
    return _results(function, iter(items), at_once)


class _Job(NamedTuple, Generic[T, R]):
    item: T
    result: Future[R]
    calls: CallGroup


_Jobs: TypeAlias = queue.SimpleQueue[_Job[T, R] | None]


def _results(function: Callable[[T], R], items: Iterator[T], at_once: int) -> Iterator[R]:
    jobs: _Jobs[T, R] = queue.SimpleQueue()
    threads: list[threading.Thread] = []
    waiting: deque[_Job[T, R]] = deque()

    def submit(item: T) -> None:
        if len(threads) < at_once:
            # Not an executor's: a program that gives up would wait for them at its end.
            # What `with_options` set around us holds there, too.
            run = contextvars.copy_context().run
            thread = threading.Thread(target=run, args=(_run, function, jobs), daemon=True)
            threads.append(thread)
            thread.start()
        waiting.append(_Job(item, Future(), CallGroup()))
        jobs.put(waiting[-1])

    try:
        for item in islice(items, at_once):
            submit(item)
        while waiting:
            result = waiting[0].result.result()
            # From now on it is the caller's, who may still read from it.
            waiting.popleft()
            for item in islice(items, 1):
                submit(item)
            yield result
    finally:
        for job in waiting:
            job.calls.give_up()
        for _ in threads:
            jobs.put(None)


def _run(function: Callable[[T], R], jobs: _Jobs[T, R]) -> None:
    while (job := jobs.get()) is not None:
        if job.calls.is_over:
            continue
        job.calls.enter()
        try:
            job.result.set_result(function(job.item))
        except BaseException as error:  # noqa: BLE001 - raised where the result is taken
            job.result.set_exception(error)
