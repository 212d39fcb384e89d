"""The memory that carrying a large array takes beyond what was there before.

The kernel keeps the peak of a process's resident memory (VmHWM) and sets it back on request
(/proc/PID/clear_refs). What counts is the peak above the resident memory right before the first
large transfer: pools and buffers that a later transfer would find are part of it. Of a receiver's
figure the array itself is a part. The side of the server is all of its processes, their peaks
added up, so that memory which two of them share counts twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.contenders import open_peer
from benchmarks.effort import Effort
from benchmarks.measurements.arrays import MIB, SIZES
from benchmarks.measurements.measured import Measured, NotMeasuredError
from benchmarks.values import ELEMENT, VALUE, make_array

_PAYLOAD = SIZES[-1] * MIB
_RESET_PEAK = "5"


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
    sides = {"client": [os.getpid()], "server": descendants(os.getpid())}
    before = {pid: _reset(pid) for side in sides.values() for pid in side}
    carry()
    return {
        f"{direction}, {side}": sum(_extra(pid, before[pid]) for pid in pids) / _PAYLOAD
        for side, pids in sides.items()
    }


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
