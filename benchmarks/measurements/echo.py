"""One caller, one small dict there and back."""

from __future__ import annotations

import statistics

from benchmarks.contenders import open_peer
from benchmarks.effort import Effort
from benchmarks.measurements.measured import Measured
from benchmarks.measurements.timing import times_of
from benchmarks.peers.protocol import Peer
from benchmarks.values import VALUE


def measure(contender: str, effort: Effort) -> Measured:
    """Give the median and the 99th percentile, in microseconds."""
    peer: Peer
    with open_peer(contender) as peer:
        echo = peer.caller()
        if echo(VALUE) != VALUE:
            raise AssertionError("the value came back changed")
        times_of(lambda: echo(VALUE), effort.calls // 4, effort.seconds)
        times = times_of(lambda: echo(VALUE), effort.calls, 4 * effort.seconds)
    percentiles = statistics.quantiles(times, n=100, method="inclusive")
    return Measured({"p50": statistics.median(times) * 1e6, "p99": percentiles[98] * 1e6})
