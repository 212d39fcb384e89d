"""Items that take time elsewhere, as a GPU's work does: in two sandboxes, and in one."""

from __future__ import annotations

from benchmarks.effort import Effort
from benchmarks.measurements.measured import Measured
from benchmarks.measurements.timing import seconds_of
from benchmarks.peers.sandbox import CALLS, CONFIG
from seer_rpc.environment import SandboxPool

PAUSE = 0.01


def measure(contender: str, effort: Effort) -> Measured:
    """Give the items per second of a pool of one sandbox, and of one of two."""
    count = int(effort.seconds / PAUSE)
    return Measured({"one": _speed(1, count), "two": _speed(2, count)})


def _speed(size: int, count: int) -> float:
    with SandboxPool(CONFIG, size=size, backend="local") as pool:
        calls = pool.serve(CALLS, name="calls")

        def work(items: int) -> None:
            for outcome in calls.map("pause", [PAUSE] * items):
                outcome.result()

        # What the first calls set up is not what is measured.
        work(2 * size)
        return count / seconds_of(lambda: work(count))
