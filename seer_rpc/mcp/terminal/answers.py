"""How tools are answered: with what comes of the work, or with a job where that takes long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

from fastmcp.server.dependencies import get_context
from fastmcp.tools import ToolResult

from seer_rpc.client.commands import CommandResult, OnOutput
from seer_rpc.environment.threads import in_thread, on_loop
from seer_rpc.errors import CommandTimeoutError, SeerError
from seer_rpc.generators.mcp import McpTool
from seer_rpc.mcp.calls import Reporter, RunningCall
from seer_rpc.mcp.failures import failure
from seer_rpc.mcp.jobs import Jobs
from seer_rpc.mcp.results import refusal
from seer_rpc.mcp.terminal.results import command_result, cut_off

Run: TypeAlias = Callable[[OnOutput | None, float | None], CommandResult]
"""Runs something that may print, for so many seconds at most."""

_ENDING = 10.0
"""Seconds in which what is given up has ended: the sandbox sees to that."""


class Answers:
    """The answers of one server, and what is on its way to one."""

    def __init__(
        self, jobs: Jobs, folder: Path, timeout: float | None, advice: str | None = None
    ) -> None:
        """What takes long goes on as one of the jobs, what is too long into the folder.

        Commands are ended after `timeout` seconds, unless they are given less. `advice` says what
        to do where a sandbox is gone.
        """
        self.folder = folder
        self._jobs = jobs
        self._timeout = timeout
        self._advice = advice
        self._running: set[RunningCall] = set()

    async def of_command(self, name: str, run: Run, timeout: float | None) -> ToolResult:
        """Answer with what a command printed, and how it ended."""
        seconds = min((each for each in (timeout, self._timeout) if each), default=None)

        async def work(running: RunningCall) -> ToolResult:
            on_output = on_loop(running.print)
            try:
                return command_result(await in_thread(run, on_output, seconds), self.folder)
            except CommandTimeoutError as error:
                why = f"did not end within {seconds:g} s and was ended, with all it had started"
                return cut_off(error, self.folder, why)

        return await self._answer(name, work)

    async def of_work(self, name: str, work: Callable[[], ToolResult]) -> ToolResult:
        """Answer with what comes of work that blocks."""
        return await self._answer(name, lambda _: in_thread(work))

    async def close(self) -> None:
        """End what runs, and wait until it has ended: its threads may need this loop."""
        tasks = [running.task for running in self._running]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_ENDING)

    async def _answer(
        self, name: str, work: Callable[[RunningCall], Awaitable[ToolResult]]
    ) -> ToolResult:
        running = RunningCall(McpTool(name))

        async def told_work() -> ToolResult:
            try:
                return await work(running)
            except SeerError as error:
                return failure(error, self.folder, self._advice)
            except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
                # No UTF-8 holds what JSON may, a disk may be full here, and programs in a sandbox
                # say what they like. A job that raises would keep all others from being listed.
                return refusal(f"{name}: {type(error).__name__}: {error}")

        running.start(told_work())
        self._running.add(running)
        running.task.add_done_callback(lambda _: self._running.discard(running))
        return await self._jobs.answer(running, Reporter(get_context().report_progress))
