"""The server as a whole."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from fastmcp import FastMCP
from fastmcp.server.auth import TokenVerifier

from seer_rpc.mcp.jobs import Jobs
from seer_rpc.mcp.own_tools import job_tools
from seer_rpc.mcp.terminal.desk import Desk, Terminal
from seer_rpc.mcp.terminal.tools import NAMES, TerminalTools, terminal_tools


def make_terminal(
    terminal: Terminal,
    folder: Path,
    wait: float,
    timeout: float | None = None,
    auth: TokenVerifier | None = None,
) -> FastMCP:
    """Make the server of a session. Nothing is connected before the first call.

    A call is answered after `wait` seconds, with its result or as a job; a command is ended after
    `timeout`. What is too large for an answer goes into `folder`.
    """
    jobs = Jobs(NAMES, wait)
    tools = TerminalTools(Desk(terminal.sandbox), terminal.init_code, jobs, folder, timeout)

    @contextlib.asynccontextmanager
    async def lifespan(server: FastMCP) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await tools.close()

    return FastMCP(
        terminal.name,
        terminal.instructions,
        auth=auth,
        lifespan=lifespan,
        tools=[*terminal_tools(tools, wait), *job_tools(jobs)],
        on_duplicate="error",
        mask_error_details=True,
    )
