"""The notebook server's MCP tools as functions, for documents that call them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias

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
