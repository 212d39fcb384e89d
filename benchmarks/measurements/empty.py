"""A large result that was made in shared memory, against a small call."""

from __future__ import annotations

from benchmarks.contenders import open_peer
from benchmarks.effort import Effort
from benchmarks.measurements.arrays import MIB, SIZES
from benchmarks.measurements.measured import Measured, NotMeasuredError
from benchmarks.measurements.timing import median_of
from benchmarks.peers.sandbox import SandboxPeer
from benchmarks.values import ELEMENT, LAST, VALUE

_COUNT = SIZES[-1] * MIB // ELEMENT


def measure(contender: str, effort: Effort) -> Measured:
    """Give the time of a call with such a result and that of a small one, in microseconds."""
    peer: SandboxPeer
    with open_peer(contender) as peer:
        if not peer.session.call("has_empty", [], {}):
            raise NotMeasuredError("interfaces have no empty() yet")

        def give() -> None:
            if float(peer.session.call("give_empty", [_COUNT], {})[-1]) != LAST:
                raise AssertionError("the tensor arrived changed")

        echo = peer.caller()
        for _ in range(3):
            give()
            echo(VALUE)
        large = median_of(give, effort.calls, effort.seconds)
        small = median_of(lambda: echo(VALUE), effort.calls, effort.seconds)
    return Measured({"large": large * 1e6, "small call": small * 1e6})
