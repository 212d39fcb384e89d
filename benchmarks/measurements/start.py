"""From nothing to the first answer."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.contenders import OURS, import_peer, open_peer
from benchmarks.effort import Effort
from benchmarks.measurements.measured import Measured
from benchmarks.measurements.timing import seconds_of
from benchmarks.peers.front import Front
from benchmarks.values import VALUE


def measure(contender: str, effort: Effort) -> Measured:
    """Give the time until a fresh server answered once, in milliseconds.

    Of the product: until its first control call is answered, and, as a figure of its own, until a
    function of a served interface is.
    """
    import_peer(contender)

    def call(stack: contextlib.ExitStack) -> None:
        stack.enter_context(open_peer(contender)).caller()(VALUE)

    first_call = _milliseconds(call, effort)
    if contender != OURS:
        return Measured({"start": first_call})
    return Measured({"start": _milliseconds(_check, effort), "first call": first_call})


def _milliseconds(start: Callable[[contextlib.ExitStack], None], effort: Effort) -> float:
    """Give the median time of a start. The end of what was started does not count."""
    times: list[float] = []
    # The first one finds caches cold.
    while len(times) <= effort.repeats and sum(times) < 4 * effort.seconds:
        with contextlib.ExitStack() as stack:
            times.append(seconds_of(lambda: start(stack)))
    return statistics.median(times[1:] or times) * 1e3


def _check(stack: contextlib.ExitStack) -> None:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
    front = Front(Path(folder), f"unix:{folder}/socket")
    stack.enter_context(contextlib.closing(front))
    front.check()
