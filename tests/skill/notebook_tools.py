"""The notebook server's MCP tools as functions, for documents that call them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import Any, TypeAlias

from seer_rpc.execution import NotebookClient, attach_notebook_session
from tests.integration.mcp_talk import talk

Tools: TypeAlias = dict[str, Callable[..., Any]]


@contextmanager
def tools_of_server() -> Iterator[Tools]:
    """Start the server, and have a real client call its tools; an error of one is raised."""
    server = {
        "type": "stdio",
        "command": sys.executable,
        "args": ["-P", "-m", "seer_rpc.cli", "mcp", "notebook"],
        "env": dict(os.environ),
    }
    with talk({"notebook": server}) as talking:

        def call(name: str, parameters: list[str], /, *given: Any, **named: Any) -> Any:
            return talking.value(name, **dict(zip(parameters, given, strict=False)), **named)

        yield {
            name: partial(call, name, list(tool.input_schema["properties"]))
            for name, tool in talking.tools().items()
        }


@contextmanager
def tools_of_client() -> Iterator[Tools]:
    """Have the methods of the same meaning called, as long as there is no such server."""
    sessions: dict[str, NotebookClient] = {}

    def attach_to_session(session_id: str, jupyter_url: str) -> str:
        sessions[session_id] = attach_notebook_session(session_id, jupyter_url)
        return sessions[session_id].model_info_text

    def execute_code(session_id: str, code: str, background: bool = False) -> dict[str, Any]:
        execution = sessions[session_id].start(code)
        return asdict(execution.result if background else execution.check())

    def get_output(session_id: str, execution_id: str) -> dict[str, Any]:
        return asdict(sessions[session_id].execution(execution_id).check())

    yield {
        "attach_to_session": attach_to_session,
        "execute_code": execute_code,
        "get_output": get_output,
        "add_markdown": lambda session_id, content: sessions[session_id].add_markdown(content),
        "read_notebook": lambda session_id: sessions[session_id].notebook(),
    }
    for session in sessions.values():
        session.detach()
