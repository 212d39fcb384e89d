"""The memory that carrying a large array takes beyond what was there before.

Of the client it is the peak of its resident memory, which the kernel keeps (VmHWM) and sets back on
request (/proc/PID/clear_refs). The side of the server may be several processes that share memory:
there it is the highest sum of their proportional shares (Pss), looked at every few milliseconds,
where a page that two of them share counts once. What counts is the peak above what was there right
before the first large transfer: pools and buffers that a later transfer would find are part of it.
Of a receiver's figure the array itself is a part.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from benchmarks.contenders import open_peer
from benchmarks.effort import Effort
from benchmarks.measurements.arrays import MIB, SIZES
from benchmarks.measurements.measured import Measured, NotMeasuredError
from benchmarks.values import ELEMENT, VALUE, make_array

_PAYLOAD = SIZES[-1] * MIB
_RESET_PEAK = "5"
_PAUSE = 0.004
"""Seconds between two looks."""


def measure_argument(contender: str, _: Effort) -> Measured:
    """Give the peaks of a first large argument, in sizes of it."""
    array = make_array(_PAYLOAD // ELEMENT)
    with open_peer(contender) as peer:
        peer.caller()(VALUE)
        return Measured(_peaks("argument", lambda: peer.take(array)))


def measure_result(contender: str, _: Effort) -> Measured:
    """Give the peaks of a first large result, in sizes of it."""
    with open_peer(contender) as peer:
        peer.prepare(_PAYLOAD // ELEMENT)
        return Measured(_peaks("result", peer.give))


def _peaks(direction: str, carry: Callable[[], Any]) -> dict[str, float]:
    me, servers = os.getpid(), descendants(os.getpid())
    before = _reset(me)
    with _SharesWatch(servers) as watch:
        carry()
    peaks = {"client": _extra(me, before), "server": watch.extra}
    return {f"{direction}, {side}": peak / _PAYLOAD for side, peak in peaks.items()}


class _SharesWatch:
    """Looks at the memory of processes, again and again, on a thread of its own."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._before = self._peak = self._shares()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def extra(self) -> int:
        """The highest sum of their shares, above the first one."""
        return self._peak - self._before

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(_PAUSE):
            self._peak = max(self._peak, self._shares())

    def _shares(self) -> int:
        return sum(map(_share, self._pids))


def _share(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    fields = dict(line.split(":", 1) for line in rollup.splitlines()[1:])
    return int(fields["Pss"].split()[0]) * 1024


def descendants(ancestor: int) -> Sequence[int]:
    """Give the processes that a process started, directly or not."""
    parents = dict(map(_parent, _processes()))
    found = [ancestor]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _parent(pid: int) -> tuple[int, int]:
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return pid, 0
    return pid, int(state.rpartition(")")[2].split()[1])


def _reset(pid: int) -> int:
    """Set the peak back; gives the bytes that are resident now."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK)
    except OSError as error:
        raise NotMeasuredError(f"the kernel does not set peaks back: {error}") from error
    return _status(pid, "VmRSS")


def _extra(pid: int, before: int) -> int:
    return max(0, _status(pid, "VmHWM") - before)


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    # A process without memory of its own: it has ended.
    return 0
