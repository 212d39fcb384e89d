"""Thousands of faults of every kind, on several sandboxes beside each other; then huge values.

Run with `make soak`. Ends with the lines that the run is held against; the exit status says whether
every promise was kept. The same seed draws the same faults.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.faults.callers import ReopeningCaller
from tests.faults.judge import Verdict
from tests.faults.plan import NETWORK
from tests.faults.trial import Trial
from tests.integration.huge import CROSSINGS, available, cross, needed
from tests.notebooks.agents import work
from tests.sandboxes.cycles import cycles, tools_file

_CELLS = 8
"""That run at once in each notebook."""

_ROUND = 100
"""Faults that one sandbox sees."""


def main() -> None:
    """Soak."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--faults", type=int, default=3000, help="in all (default: %(default)s)")
    parser.add_argument("--sandboxes", type=int, default=3, help="at a time (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of everything (default: %(default)s)")
    parser.add_argument(
        "--gibibytes", type=int, default=5, help="in one call; 0: none (default: %(default)s)"
    )
    parser.add_argument(
        "--cycles", type=int, default=100, help="starts and stops (default: %(default)s)"
    )
    parser.add_argument(
        "--notebooks", type=int, default=10, help="sessions of agents (default: %(default)s)"
    )
    options = parser.parse_args()
    size = options.gibibytes << 30
    if size and available() < needed(size):
        # Better now than after the faults.
        sys.exit(f"{size >> 30} GiB in one call take {needed(size) >> 30} GiB of memory")
    is_clean = _break_things(max(1, options.faults // _ROUND), options.sandboxes, options.seed)
    is_clean &= not options.cycles or _start_and_stop(options.cycles)
    is_clean &= not options.notebooks or _work_in_notebooks(options.notebooks)
    # Alone: it takes most of the memory.
    is_clean &= not size or _cross_everywhere(size)
    sys.exit(not is_clean)


def _break_things(rounds: int, sandboxes: int, seed: int) -> bool:
    trials = [_trial(seed + number) for number in range(rounds)]
    with _progress("faults", rounds * _ROUND) as advance, ThreadPoolExecutor(sandboxes) as threads:
        verdicts = list(threads.map(lambda trial: _run(trial, advance), trials))
    verdict = sum(verdicts[1:], verdicts[0])
    _explain(verdict)
    sys.stdout.write(f"{verdict}\n")
    return verdict.is_clean


def _start_and_stop(count: int) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder
        with _progress("starts and stops", 1) as advance:
            left = cycles(count, "local", tools_file(Path(folder)))
            advance(1)
    sys.stdout.write(f"CYCLES count={count} left={', '.join(left) or 'nothing'}\n")
    return not left


def _work_in_notebooks(sessions: int) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder
        with _progress("notebooks", 1) as advance:
            load = work(sessions, _CELLS, Path(folder))
            advance(1)
    sys.stdout.write(f"{load}\n")
    return load.is_clean


def _cross_everywhere(size: int) -> bool:
    crossings = []
    with _progress("huge values", len(CROSSINGS)) as advance:
        for way, direction in CROSSINGS:
            crossings.append(cross(way, direction, size))
            advance(1)
    sys.stderr.write("".join(f"{crossing}\n" for crossing in crossings))
    broken = sum(not crossing.is_whole for crossing in crossings)
    over = sum(not crossing.is_bounded for crossing in crossings)
    most = max((each for crossing in crossings for each in crossing.beyond.values()), default=0)
    sys.stdout.write(
        f"HUGE bytes={size} crossed={len(crossings)} broken={broken} over={over} "
        f"beyond={most >> 20}MiB\n"
    )
    return not (broken or over)


def _trial(seed: int) -> Trial:
    """Mostly the network; every third sandbox has trouble with its processes too."""
    kills, stops = (15, 10) if seed % 3 == 0 else (0, 0)
    faults = _ROUND - kills - stops
    return Trial(seed=seed, network=NETWORK, faults=faults, kills=kills, stops=stops)


def _run(trial: Trial, advance: Callable[[int], None]) -> Verdict:
    seen = 0
    lock = threading.Lock()

    def on_fault(injected: int) -> None:
        nonlocal seen
        with lock:
            advance(injected - seen)
            seen = injected

    return trial.run(ReopeningCaller, on_fault)


@contextmanager
def _progress(title: str, total: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=total)
        yield lambda more: progress.advance(task, more)


def _explain(verdict: Verdict) -> None:
    """Say on standard error what the line is made of."""
    counts = {**verdict.injected, **verdict.typed, "said that they had begun": verdict.started}
    lines = [f"{count:6} {name}" for name, count in counts.items()]
    for name in ("untyped", "lost", "dup", "wrong", "orphans"):
        lines += [f"{name}: {each}" for each in getattr(verdict, name)]
    sys.stderr.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
