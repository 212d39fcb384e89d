"""The server as a whole."""

from __future__ import annotations

import json
from pathlib import Path

from fastmcp import FastMCP
from fastmcp.server.auth import TokenVerifier
from fastmcp.tools import Tool

from seer_rpc.errors import ConfigError
from seer_rpc.locations import MCP_NOTEBOOK
from seer_rpc.mcp.notebook.answers import Answers
from seer_rpc.mcp.notebook.described import TOOLS
from seer_rpc.mcp.notebook.excerpts import importable
from seer_rpc.mcp.notebook.lifecycle import Lifecycle
from seer_rpc.mcp.notebook.pages import Pages
from seer_rpc.mcp.notebook.running import Running
from seer_rpc.mcp.notebook.sessions import Sessions
from seer_rpc.mcp.serving import server_of

_INSTRUCTIONS = """\
Notebook sessions: cells that run in a kernel where language models are loaded, and a notebook of \
all that ran. Begin with attach_to_session and the session_id and jupyter_url that a set-up script \
printed, then use execute_code and add_markdown with that session_id. Models that are loaded are \
used as they are: do not load them again. Every kernel can import steering_hook, \
extract_activations, generate_response and batch_generate; help() tells how. start_new_session is \
for work without a GPU or models."""


def make_notebook(
    sessions: Sessions,
    folder: Path,
    wait: float,
    about: str = "",
    auth: TokenVerifier | None = None,
) -> FastMCP:
    """Make the server. Nothing is connected before the first call.

    A call is answered after `wait` seconds; cells go on. What is too large for an answer goes into
    `folder`, and `about` is what models are told of the session that is there from the start.
    """
    answers = Answers(sessions, folder, wait)

    instructions = "\n\n".join(filter(None, [_INSTRUCTIONS, about]))
    return server_of(notebook_tools(answers), "notebook", instructions, answers.close, auth)


def notebook_tools(answers: Answers) -> list[Tool]:
    """Give the tools."""
    places = (Lifecycle(answers), Running(answers), Pages(answers))
    methods = {
        name: getattr(place, name) for name in TOOLS for place in places if hasattr(place, name)
    }
    return [
        each.tool(name, answers.told(methods[name]), answers.wait) for name, each in TOOLS.items()
    ]


def about_session(folder: Path) -> str:
    """Give what models are told of the session that a server is for.

    Raises:
        ConfigError: nothing is written down of it.
    """
    try:
        known = json.loads((folder / MCP_NOTEBOOK).read_bytes())
        session_id, models, libraries = (
            str(known[each]) for each in ("session_id", "models", "libraries")
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{folder} tells of no notebook session: {error}") from error
    begin = f"The session {session_id} is attached from the start: use this session_id."
    return "\n\n".join(filter(None, [begin, models, importable(libraries)]))
