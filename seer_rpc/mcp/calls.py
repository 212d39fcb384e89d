"""Calls that tools make: each is a task of its own, which may outlive the request for it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeAlias

from fastmcp.tools import ToolResult

from seer_rpc.generators.mcp import McpTool
from seer_rpc.presentation import Progress

_PACE = 0.02
"""Seconds between two messages about one call's progress."""

_MOST_OUTPUT = 4_000
"""Characters of what a command that still runs has printed."""

Report: TypeAlias = Callable[[float, float | None, str | None], Awaitable[None]]
"""Sends what is done, in all, and a message."""


class Reporter:
    """Tells one client how far a call is. What it hears only grows, as the protocol wants it."""

    def __init__(self, report: Report) -> None:
        """Tell it with `report`."""
        self._report = report
        self._told = float("-inf")

    async def tell(self, progress: Progress | None) -> None:
        """Tell the newest progress, if there is any that is new."""
        if progress is not None and progress.done > self._told:
            self._told = progress.done
            await self._report(progress.done, progress.total, progress.message or None)


class RunningCall:
    """A call on its way, and what is known of it so far."""

    def __init__(self, tool: McpTool) -> None:
        """Begin; the task is set by whoever starts it."""
        self.tool = tool
        self.begun = time.monotonic()
        self.ended: float | None = None
        self.progress: Progress | None = None
        self.items: list[Any] = []
        """What a stream gave, as JSON."""
        self.output = ""
        """The end of what a command printed."""
        self.task: asyncio.Task[ToolResult]
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()

    @property
    def seconds(self) -> float:
        """How long it takes, or took."""
        return (self.ended or time.monotonic()) - self.begun

    def start(self, work: Awaitable[ToolResult]) -> None:
        """Run `work` as the call's task."""
        self.task = asyncio.ensure_future(work)
        self.task.add_done_callback(self._end)

    def on_progress(
        self, call: Hashable, name: str, done: float | None, total: float | None, message: str
    ) -> None:
        """Take what the function says of its progress; on any thread."""
        progress = Progress.of(done, total, message)
        if progress is not None:
            with contextlib.suppress(RuntimeError):
                # The server may have ended meanwhile.
                self._loop.call_soon_threadsafe(self.note, progress)

    def note(self, progress: Progress) -> None:
        """Take the newest progress."""
        self.progress = progress
        self._tell()

    def print(self, text: str) -> None:
        """Take what a command prints."""
        self.output = (self.output + text)[-_MOST_OUTPUT:]

    async def follow(self, reporter: Reporter, seconds: float | None) -> bool:
        """Wait for the end, `seconds` at most, and report progress; tell whether it is over."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            # Taken before anything is looked at; each change has its own, for any number who wait.
            changed = self._changed
            is_over = self.task.done()
            await reporter.tell(self.progress)
            if is_over or (deadline is not None and time.monotonic() >= deadline):
                return is_over
            with contextlib.suppress(TimeoutError):
                left = None if deadline is None else max(deadline - time.monotonic(), 0)
                async with asyncio.timeout(left):
                    await changed.wait()
            await asyncio.wait({self.task}, timeout=_PACE)

    def _end(self, task: asyncio.Task[ToolResult]) -> None:
        self.ended = time.monotonic()
        # The result has them, as far as they are shown.
        self.items = []
        self._tell()

    def _tell(self) -> None:
        """Wake everyone who follows it."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
