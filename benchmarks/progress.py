"""Show on standard error how far a run is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.rounds import Stop


@contextlib.contextmanager
def shown(stops: Sequence[Stop]) -> Iterator[Callable[[Stop], None]]:
    """Give what to tell of each visit before it: a bar, or a line a round without a terminal."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _lines(console)
        return
    with Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
        console=console,
        transient=True,
    ) as progress:
        task = progress.add_task("", total=len(stops))
        made = iter(range(len(stops)))

        def show(stop: Stop) -> None:
            text = f"{stop.section}, round {stop.round}: {stop.contender}"
            progress.update(task, completed=next(made), description=text)

        yield show


def _lines(console: Console) -> Callable[[Stop], None]:
    last: list[tuple[str, int]] = []

    def show(stop: Stop) -> None:
        if last != [(stop.section, stop.round)]:
            last[:] = [(stop.section, stop.round)]
            console.print(f"{stop.section}, round {stop.round}")

    return show
