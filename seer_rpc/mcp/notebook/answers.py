"""What the tools of this server have in common: whom they ask, and how they answer."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from fastmcp.tools import ToolResult

from seer_rpc.environment.threads import in_thread
from seer_rpc.errors import SeerError
from seer_rpc.execution import CellResult, Execution, NotebookClient
from seer_rpc.mcp.failures import failure
from seer_rpc.mcp.notebook.results import Cell, CellReport
from seer_rpc.mcp.notebook.sessions import Sessions
from seer_rpc.mcp.notebook.waiting import News, Slow, follow
from seer_rpc.mcp.results import refusal

T = TypeVar("T")

Answer = Callable[..., Awaitable[ToolResult]]


class Answers:
    """Answers requests about the sessions."""

    def __init__(self, sessions: Sessions, folder: Path, wait: float) -> None:
        """Answer within `wait` seconds; what is too large for an answer goes into `folder`."""
        self.sessions = sessions
        self.folder = folder
        self.wait = wait
        self.failures: list[str] = []
        """What went wrong of what nobody waited for any more."""

        self._going: set[asyncio.Task[Any]] = set()

    def told(self, answer: Answer) -> Answer:
        """Have what goes wrong be told as an error, and secrets by nobody."""

        @functools.wraps(answer)
        async def tell(**arguments: object) -> ToolResult:
            try:
                result = await answer(**arguments)
            except SeerError as error:
                result = failure(error, self.folder)
            except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
                # A disk may be full here, a text that JSON holds be none for UTF-8, and an output
                # be none: what is in the sandbox says what it likes.
                result = refusal(f"{type(error).__name__}: {error}")
            return self.sessions.secrets.cleaned(result)

        return tell

    async def client(self, session_id: str) -> NotebookClient:
        """Give a session that is attached.

        Raises:
            NotebookError: it is not.
        """
        return await in_thread(self.sessions.find, session_id)

    async def report(self, client: NotebookClient, execution: Execution, wait: float) -> ToolResult:
        """Wait for a cell, and tell what came of it."""
        result = await follow(execution, wait, self.news())
        return await in_thread(self._reported, client, result)

    def seconds(self, timeout: float | None, is_waited_for: bool = True) -> float:
        """Say how long to wait where a request asks for `timeout`."""
        if not is_waited_for:
            return 0.0
        return self.wait if timeout is None else timeout

    def news(self) -> News:
        """Begin to tell the client of the request how far it is."""
        return News(self.sessions.secrets.clean)

    async def in_time(self, work: Coroutine[Any, Any, T], what: str) -> T | None:
        """Give what comes of slow work; None where it takes longer, and goes on."""
        slow = Slow(work)
        self._going.add(slow.task)
        slow.task.add_done_callback(self._going.discard)
        is_over = False
        try:
            is_over = await slow.follow(self.wait, what, self.news())
        finally:
            if not is_over:
                slow.task.add_done_callback(functools.partial(self._note_failure, what))
        return slow.task.result() if is_over else None

    def _note_failure(self, what: str, task: asyncio.Task[Any]) -> None:
        """Remember its error, which nobody waits for, for those who ask later."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failures = [*self.failures[-9:], f"{what}: {error}"]

    @property
    def going(self) -> int:
        """How many things go on that nobody may be waiting for."""
        return len(self._going)

    async def close(self) -> None:
        """Give up what goes on, and leave all sessions."""
        for task in list(self._going):
            task.cancel()
        await asyncio.gather(*self._going, return_exceptions=True)
        await in_thread(self.sessions.close)

    def _reported(self, client: NotebookClient, result: CellResult) -> ToolResult:
        cell = Cell(client.session_id, client.last_notebook_path)
        return CellReport(result, cell, self.folder).result()
