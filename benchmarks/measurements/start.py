"""From nothing to the first answer."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from benchmarks.contenders import OURS, import_peer, open_peer
from benchmarks.effort import Effort
from benchmarks.measurements.measured import Measured
from benchmarks.measurements.timing import seconds_of
from benchmarks.peers.front import Front
from benchmarks.values import VALUE
from seer_rpc.environment import SandboxConfig, ScopedSandbox
from seer_rpc.locations import sandboxes_folder

_LOOK = 0.002
_OWNER = """
import time
from seer_rpc.environment import Sandbox
sandbox = Sandbox().start()
print(sandbox.sandbox_id, flush=True)
sandbox.exec("sleep 600 & sleep 600")
"""


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


def measure_sandbox(_: str, effort: Effort) -> Measured:
    """Give the time until a bare sandbox has started, as it comes and without isolation.

    And that of a process that imports grpc, which every front does; they take turns, since a
    machine that is busy is so for all of them. And the time from when its owner is killed until
    nothing is left of a sandbox. In milliseconds.
    """
    starts = {
        "sandbox": lambda: _start_sandbox("auto"),
        "without isolation": lambda: _start_sandbox("none"),
        "import grpc": _import_grpc,
    }
    times: dict[str, list[float]] = {name: [] for name in starts}
    for _round in range(3 * effort.repeats + 1):
        for name, start in starts.items():
            times[name].append(start())
    medians = {name: statistics.median(each[1:]) * 1e3 for name, each in times.items()}
    pairs = zip(times["sandbox"][1:], times["without isolation"][1:], strict=True)
    added = statistics.median(isolated - bare for isolated, bare in pairs) * 1e3
    ends = [_outlive_owner() for _ in range(effort.repeats)]
    return Measured({**medians, "isolation": added, "end": statistics.median(ends) * 1e3})


def _start_sandbox(isolation: Literal["auto", "none"]) -> float:
    sandbox = ScopedSandbox(SandboxConfig(isolation=isolation))
    try:
        return seconds_of(sandbox.start)
    finally:
        sandbox.terminate()


def _outlive_owner() -> float:
    with subprocess.Popen([sys.executable, "-c", _OWNER], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        folder = sandboxes_folder() / owner.stdout.readline().decode().strip()
        owner.kill()
        return seconds_of(lambda: _await_removal(folder))


def _await_removal(folder: Path) -> None:
    # Its processes have ended before its files go.
    while folder.exists():
        time.sleep(_LOOK)


def _import_grpc() -> float:
    return seconds_of(lambda: subprocess.run([sys.executable, "-c", "import grpc"], check=True))


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
