"""Thousands of faults of every kind, on several sandboxes beside each other.

Run with `make soak`. Ends with the line that the run is held against; the exit status says whether
every promise was kept. The same seed draws the same faults.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.faults.callers import ReopeningCaller
from tests.faults.judge import Verdict
from tests.faults.plan import NETWORK
from tests.faults.trial import Trial

_ROUND = 100
"""Faults that one sandbox sees."""


def main() -> None:
    """Soak."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--faults", type=int, default=3000, help="in all (default: %(default)s)")
    parser.add_argument("--sandboxes", type=int, default=3, help="at a time (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of everything (default: %(default)s)")
    options = parser.parse_args()
    rounds = max(1, options.faults // _ROUND)
    trials = [_trial(options.seed + number) for number in range(rounds)]
    with _progress(rounds * _ROUND) as advance, ThreadPoolExecutor(options.sandboxes) as threads:
        verdicts = list(threads.map(lambda trial: _run(trial, advance), trials))
    verdict = sum(verdicts[1:], verdicts[0])
    _explain(verdict)
    sys.stdout.write(f"{verdict}\n")
    sys.exit(not verdict.is_clean)


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
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("faults"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
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
