"""A generator of small items."""

from __future__ import annotations

from benchmarks.contenders import open_peer
from benchmarks.effort import Effort
from benchmarks.measurements.measured import Measured
from benchmarks.measurements.timing import median_of
from benchmarks.peers.protocol import Streamer

ITEMS = 10_000


def measure(contender: str, effort: Effort) -> Measured:
    """Give items per second."""
    peer: Streamer
    with open_peer(contender) as peer:

        def drain() -> None:
            numbers = [item["token"] for item in peer.stream(ITEMS)]
            if numbers != list(range(ITEMS)):
                raise AssertionError("items are missing, or out of order")

        drain()
        return Measured({"items": ITEMS / median_of(drain, effort.repeats, 2 * effort.seconds)})
