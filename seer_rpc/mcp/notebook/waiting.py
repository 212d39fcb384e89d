"""Waiting for what takes long: not for ever, and with news for whoever waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from fastmcp.server.dependencies import get_context

from seer_rpc.environment.threads import in_thread
from seer_rpc.execution import CellResult, Execution
from seer_rpc.execution.cells import without_colours
from seer_rpc.mcp.calls import Reporter
from seer_rpc.presentation import Progress

T = TypeVar("T")

_HELD = 2.0
"""Seconds that one question to the sandbox takes, at most: also those until a client gave up."""

_BREATH = 0.05
"""Seconds between two questions, where there is always news."""

_PACE = 1.0
"""Seconds between two messages about progress, at least."""

_MOST_SAID = 500


class News:
    """Tells the client of the request that is answered how far its work is."""

    def __init__(self, clean: Callable[[str], str]) -> None:
        """Begin now; `clean` takes out what nobody is to read."""
        self._begun = time.monotonic()
        self._told = 0.0
        self._clean = clean
        self._reporter = Reporter(get_context().report_progress)

    async def tell(self, text: str) -> None:
        """Tell how it is now, unless that was told a moment ago."""
        seconds = time.monotonic() - self._begun
        if seconds - self._told >= _PACE:
            self._told = seconds
            said = self._clean(f"{seconds:.0f} s: {text}")
            await self._reporter.tell(Progress(round(seconds, 1), None, said))


async def follow(execution: Execution, seconds: float, news: News | None = None) -> CellResult:
    """Wait for the end of a cell, `seconds` at most; gives what there is then.

    Where this is cancelled, the cell runs on.
    """
    deadline = time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        result = await in_thread(execution.refresh, max(0.0, min(left, _HELD)))
        if execution.is_over or left <= 0:
            return result
        if news is not None:
            await news.tell(f"{result.status} {_end(result)}".strip())
        await asyncio.sleep(_BREATH)


class Slow(Generic[T]):
    """Work that is done whoever waits for it."""

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        """Begin."""
        self.task: asyncio.Task[T] = asyncio.create_task(work)

    async def follow(self, seconds: float, what: str, news: News) -> bool:
        """Wait for its end, `seconds` at most; tells whether it is over."""
        deadline = time.monotonic() + seconds
        while not self.task.done() and (left := deadline - time.monotonic()) > 0:
            await asyncio.wait({self.task}, timeout=min(left, _HELD))
            await news.tell(what)
        return self.task.done()


def _end(result: CellResult) -> str:
    """Give the end of what a cell has put out so far."""
    for output in reversed(result.outputs):
        if output.get("output_type") == "stream":
            text = output["text"]
            whole = text if isinstance(text, str) else "".join(text)
            return without_colours(whole[-4 * _MOST_SAID :])[-_MOST_SAID:]
    return ""
