"""Many threads of one process that call at once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.contenders import open_peer
from benchmarks.effort import Effort
from benchmarks.measurements.measured import Measured
from benchmarks.peers.protocol import Echo, Peer
from benchmarks.values import VALUE

CALLERS = 64


def measure(contender: str, effort: Effort) -> Measured:
    """Give the calls that succeeded per second, all callers together."""
    peer: Peer
    with open_peer(contender) as peer, ThreadPoolExecutor(CALLERS) as threads:
        start = threading.Barrier(CALLERS)
        echoes = [peer.caller() for _ in range(CALLERS)]
        counts = list(threads.map(lambda echo: _call_until(echo, start, effort.seconds), echoes))
    succeeded, failed, elapsed = (sum(column) for column in zip(*counts, strict=True))
    if not succeeded:
        raise RuntimeError("every call failed")
    of_all = f"{failed:,} of {succeeded + failed:,} calls"
    remarks = [f"{of_all} failed; those that succeeded count"] if failed else []
    return Measured({"calls": succeeded / (elapsed / CALLERS)}, remarks)


def _call_until(echo: Echo, start: threading.Barrier, seconds: float) -> tuple[int, int, float]:
    """Call for some seconds; gives successes, failures and how long it took."""
    start.wait()
    # Whatever a caller's first call sets up is not what is measured.
    succeeded = failed = 0
    _succeeds(echo)
    begun = time.perf_counter()
    while (elapsed := time.perf_counter() - begun) < seconds:
        if _succeeds(echo):
            succeeded += 1
        else:
            failed += 1
    return succeeded, failed, elapsed


def _succeeds(echo: Echo) -> bool:
    """Call once. A server that resets connections is no reason to stop."""
    try:
        echo(VALUE)
    except OSError:
        return False
    return True
