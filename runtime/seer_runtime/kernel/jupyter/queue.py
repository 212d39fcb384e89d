"""The code of one notebook: what waits, what runs, and what is over and known still."""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from seer_runtime.kernel.jupyter.executions import Execution

_KEPT = 500
"""Executions that are over and known still, if there is room."""


@dataclass(frozen=True)
class Runner:
    """Who runs what is in a queue."""

    run: Callable[[Execution], Awaitable[None]]
    on_end: Callable[[Execution], None]
    on_forget: Callable[[Execution], None]


class Queue:
    """Has one execution run after the other, in the order in which they were asked for."""

    def __init__(self, runner: Runner) -> None:
        """Begin with nothing, closed."""
        self.current: Execution | None = None
        self._runner = runner
        self._known: OrderedDict[str, Execution] = OrderedDict()
        self._waiting: asyncio.PriorityQueue[tuple[bool, int, Execution]] = asyncio.PriorityQueue()
        """What a kernel begins with comes first, the rest as it was asked for."""

        self._numbers = itertools.count()
        self._is_open = asyncio.Event()

    def open(self) -> None:
        """Let things run."""
        self._is_open.set()

    def close(self) -> None:
        """Let nothing begin to run for the time being."""
        self._is_open.clear()

    def find(self, execution_id: str) -> Execution | None:
        """Give what is known under an id."""
        return self._known.get(execution_id)

    def add(self, execution: Execution, *, is_first: bool = False) -> None:
        """Have it run when its turn comes; what a kernel begins with is first."""
        self._known[execution.id] = execution
        self._waiting.put_nowait((not is_first, next(self._numbers), execution))
        while len(self._known) > _KEPT and self.shrink():
            pass

    def fail_all(self, name: str, message: str) -> None:
        """Have all that is not over end with an error."""
        for execution in self._known.values():
            if not execution.is_over:
                execution.fail(name, message)

    @property
    def is_busy(self) -> bool:
        """Whether something runs, or will."""
        return self.current is not None or not self._waiting.empty()

    @property
    def queued(self) -> list[str]:
        """The ids of what waits."""
        return [each.id for each in self._known.values() if each.status == "queued"]

    @property
    def size(self) -> int:
        """Characters of the outputs that are known still."""
        return sum(each.outputs.size for each in self._known.values())

    def shrink(self) -> bool:
        """Forget what has been over for longest; tells whether there was anything."""
        # What was added last is about to be asked for.
        for execution in list(self._known.values())[:-1]:
            if execution.is_over:
                del self._known[execution.id]
                self._runner.on_forget(execution)
                return True
        return False

    async def work(self) -> None:
        """Run what comes, as long as this task lives."""
        while True:
            await self._is_open.wait()
            waiting = await self._waiting.get()
            if not self._is_open.is_set():
                # The kernel is restarted, and what that begins with is not there yet.
                self._waiting.put_nowait(waiting)
                continue
            await self._run(waiting[-1])

    async def _run(self, execution: Execution) -> None:
        if not execution.is_over:
            self.current = execution
            try:
                await self._runner.run(execution)
            except Exception as error:  # noqa: BLE001 - what waits behind it is to run
                execution.fail(type(error).__name__, str(error), "error")
            self.current = None
        self._runner.on_end(execution)
