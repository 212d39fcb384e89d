"""Calls of an interface's functions, and the results that tools make of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastmcp.tools import ToolResult

from seer_rpc.client import ResultStream
from seer_rpc.errors import SeerError, StateLostError, WorkerDiedError
from seer_rpc.generators.mcp import McpTool
from seer_rpc.mcp.calls import RunningCall
from seer_rpc.mcp.failures import failure
from seer_rpc.mcp.interface.references import References
from seer_rpc.mcp.interface.results import ResultBuilder
from seer_rpc.mcp.interface.sessions import SharedSession
from seer_rpc.mcp.results import refusal
from seer_rpc.presentation import Progress

_MOST_ITEMS = 100_000
"""Items of a stream that are gathered; the function is ended then."""

_MOST_CHARACTERS = 128 << 20
"""Of their JSON, likewise."""


class Calls:
    """Makes calls, over one session."""

    def __init__(
        self,
        session: SharedSession,
        references: References,
        folder: Path,
        timeout: float | None,
    ) -> None:
        """Limit each call to `timeout` seconds, where that is not None.

        What is too large to be shown goes into `folder`, and `references` hold what stays in the
        sandbox.
        """
        self._session = session
        self._references = references
        self._folder = folder
        self._timeout = timeout
        self._running: set[RunningCall] = set()

    def start(self, tool: McpTool, *arguments: Any) -> RunningCall:
        """Begin a call. Its task's result is never an error: it says what went wrong."""
        running = RunningCall(tool)
        running.start(self._work(running, arguments))
        self._running.add(running)
        running.task.add_done_callback(lambda _: self._running.discard(running))
        return running

    async def close(self) -> None:
        """End every call and the session."""
        for running in list(self._running):
            running.task.cancel()
        await asyncio.to_thread(self._session.close)

    async def _work(self, running: RunningCall, arguments: Sequence[Any]) -> ToolResult:
        tool = running.tool
        builder = ResultBuilder(self._folder, self._references)
        limits = [each for each in (tool.timeout, self._timeout) if each is not None]
        try:
            session = await self._session.get()
            value = await session.call_async(
                tool.function,
                arguments,
                {},
                min(limits, default=None),
                running.on_progress,
            )
            if isinstance(value, ResultStream):
                await _gather(value, running, builder)
                return await asyncio.to_thread(builder.result, tool, running.items)
            return await asyncio.to_thread(lambda: builder.result(tool, builder.plain(value)))
        except SeerError as error:
            if isinstance(error, StateLostError | WorkerDiedError):
                self._references.forget()
            return failure(error, self._folder)
        except (OSError, RecursionError, ValueError) as error:
            return refusal(f"The function ran; its result cannot be shown: {error}")


async def _gather(stream: ResultStream, running: RunningCall, builder: ResultBuilder) -> None:
    """Take a stream's items; without other news they are the progress."""
    counts = running.progress is None
    try:
        async for item in stream:
            running.items.append(await asyncio.to_thread(builder.plain, item))
            count = len(running.items)
            if counts and (running.progress is None or running.progress.done == count - 1):
                running.note(Progress(count, None, ""))
            if count == _MOST_ITEMS or builder.characters > _MOST_CHARACTERS:
                builder.remark(f"the function was ended after {count:,} items")
                break
    finally:
        stream.close()
