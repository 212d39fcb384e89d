"""Many calls of one function, several of them on their way at a time."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from typing import TypeVar

from seer_rpc.errors import ArgumentError

T = TypeVar("T")
R = TypeVar("R")


def map(function: Callable[[T], R], items: Iterable[T], at_once: int = 16) -> Iterator[R]:
    """Call a function of a generated library on each item; give the results in their order.

    Up to `at_once` calls are on their way while earlier results are used: none waits for the
    network, functions with `@expose(concurrent=True)` run beside each other, and those with
    `@expose(batch=True)` have something to gather. Items are taken no further ahead than that.

    Whoever stops to take results makes no more calls; those on their way end by themselves.

    Raises:
        ArgumentError: `at_once` is less than 1.
        SeerError: what a call raises, when it comes to its result; no more calls are made then.
    """
    if at_once < 1:
        raise ArgumentError(f"map() makes at least one call at once, not {at_once}")
    return _results(function, iter(items), at_once)


def _results(function: Callable[[T], R], items: Iterator[T], at_once: int) -> Iterator[R]:
    work: queue.SimpleQueue[tuple[Future[R], T] | None] = queue.SimpleQueue()
    threads: list[threading.Thread] = []
    waiting: deque[Future[R]] = deque()

    def submit(item: T) -> None:
        if len(threads) < at_once:
            # Not an executor's: a program that gives up would wait for them at its end.
            thread = threading.Thread(target=_run, args=(function, work), daemon=True)
            threads.append(thread)
            thread.start()
        waiting.append(Future())
        work.put((waiting[-1], item))

    try:
        for item in islice(items, at_once):
            submit(item)
        while waiting:
            result = waiting.popleft().result()
            for item in islice(items, 1):
                submit(item)
            yield result
    finally:
        for future in waiting:
            future.cancel()
        for _ in threads:
            work.put(None)


def _run(function: Callable[[T], R], work: queue.SimpleQueue[tuple[Future[R], T] | None]) -> None:
    while (job := work.get()) is not None:
        future, item = job
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(function(item))
        except BaseException as error:  # noqa: BLE001 - raised where the result is taken
            future.set_exception(error)
