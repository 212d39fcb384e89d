"""The servers as a whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastmcp import FastMCP
from fastmcp.server.auth import TokenVerifier

from seer_rpc.mcp.jobs import Jobs
from seer_rpc.mcp.own_tools import job_tools
from seer_rpc.mcp.serving import server_of
from seer_rpc.mcp.terminal.answers import Answers
from seer_rpc.mcp.terminal.desk import Terminal
from seer_rpc.mcp.terminal.places import AnySandbox, OneSandbox, Places
from seer_rpc.mcp.terminal.sandboxes import SandboxTools, sandbox_tools
from seer_rpc.mcp.terminal.states import StateTools, state_tools
from seer_rpc.mcp.terminal.tools import NAMES, TerminalTools, command_tools, file_tools
from seer_rpc.mcp.terminal.transfers import TransferTools, transfer_tools

_INSTRUCTIONS = """\
The user's sandboxes: list_sandboxes names those that run, and every other tool takes one of these
ids or names as `sandbox`. They were started elsewhere, with their models and GPUs; files that are
in /workspace stay until a sandbox ends. snapshot keeps them."""

_GONE = "That sandbox is gone, with what ran in it: list_sandboxes names those that run."


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
    jobs, places = Jobs(NAMES, wait), OneSandbox(terminal.sandbox)
    answers = Answers(jobs, folder, timeout)
    tools = TerminalTools(places, answers, terminal.init_code)
    shown = [*command_tools(tools, places, wait), *file_tools(tools, places), *job_tools(jobs)]
    close = _closing(answers, places)
    return server_of(shown, terminal.name, terminal.instructions, close, auth)


def make_sandboxes(
    folder: Path,
    wait: float,
    timeout: float | None = None,
    auth: TokenVerifier | None = None,
    shared: Path | None = None,
) -> FastMCP:
    """Make the server of all sandboxes of this user. Nothing is connected before the first call.

    Files are copied between them and the folder `shared`, where there is one. The other arguments
    are those of `make_terminal`.
    """
    jobs, places = Jobs((), wait), AnySandbox()
    answers = Answers(jobs, folder, timeout, _GONE)
    work = TerminalTools(places, answers)
    shown = [
        *sandbox_tools(SandboxTools(places, answers), places),
        *command_tools(work, places, wait),
        *state_tools(StateTools(places, answers), places),
        *file_tools(work, places),
        *job_tools(jobs),
    ]
    if shared is not None:
        shown += transfer_tools(TransferTools(places, answers, shared), places, shared)
    return server_of(shown, "sandboxes", _INSTRUCTIONS, _closing(answers, places), auth)


def _closing(answers: Answers, places: Places) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        await answers.close()
        places.close()

    return close
