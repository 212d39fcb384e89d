"""Arrays of float32 as an argument and as a result."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.contenders import open_peer
from benchmarks.effort import Effort
from benchmarks.measurements.measured import Measured
from benchmarks.measurements.timing import median_of, times_of
from benchmarks.peers.protocol import Carrier
from benchmarks.values import ELEMENT, LAST, make_array

MIB = 1 << 20
SIZES = (1, 64, 512)
# What is larger takes these minutes.
_LARGEST = {"RPyC": 64, "Pyro5": 64}
_SMALL_REPEATS = 20


def measure(contender: str, effort: Effort) -> Measured:
    """Give GB/s for each size and direction."""
    return _measure(contender, effort, SIZES)


def measure_largest(contender: str, effort: Effort) -> Measured:
    """Give GB/s for the largest size."""
    return _measure(contender, effort, SIZES[-1:])


def figure(direction: str, size: int) -> str:
    """Name a figure."""
    return f"{direction} {size} MiB"


def _measure(contender: str, effort: Effort, sizes: tuple[int, ...]) -> Measured:
    largest = _LARGEST.get(contender, max(sizes))
    figures: dict[str, float] = {}
    peer: Carrier
    with open_peer(contender) as peer:
        for size in sizes:
            if size <= largest:
                figures |= _measure_size(peer, size, effort)
    return Measured(figures, [f"left out above {largest} MiB"] if largest < max(sizes) else [])


def _measure_size(peer: Carrier, size: int, effort: Effort) -> dict[str, float]:
    repeats = effort.repeats * (_SMALL_REPEATS if size == 1 else 1)
    array = make_array(size * MIB // ELEMENT)

    def rate(carry: Callable[[], float]) -> float:
        if carry() != LAST:
            raise AssertionError("the array arrived changed")
        # Memory that is used again is had by then.
        times_of(carry, 2, effort.seconds)
        return array.nbytes / median_of(carry, repeats, effort.seconds) / 1e9

    sent = rate(lambda: peer.take(array))
    peer.prepare(array.size)
    return {figure("argument", size): sent, figure("result", size): rate(peer.give)}
