"""Many calls of one function, several of them on their way at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
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

    Raises:
        ArgumentError: `at_once` is less than 1.
        SeerError: what a call raises, when it comes to its result; no more calls are made then.
    """
    if at_once < 1:
        raise ArgumentError(f"map() makes at least one call at once, not {at_once}")
    return _results(function, iter(items), at_once)


def _results(function: Callable[[T], R], items: Iterator[T], at_once: int) -> Iterator[R]:
    threads = ThreadPoolExecutor(at_once, "seer-map")
    try:
        waiting: deque[Future[R]] = deque()
        waiting.extend(threads.submit(function, item) for item in islice(items, at_once))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(threads.submit(function, item) for item in islice(items, 1))
            yield result
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
