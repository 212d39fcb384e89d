"""The notebook MCP server as clients start it, for tests."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-P", "-m", "seer_rpc.cli", "mcp", "notebook"]
TOKEN = "the-token-of-these-tests"


def over_stdio(copies: Path, *options: str) -> dict[str, Any]:
    """Configure a server that the client starts."""
    command = [*COMMAND, "--notebook-dir", str(copies), *options]
    server = {"type": "stdio", "command": command[0], "args": command[1:]}
    return {"notebook": {**server, "env": dict(os.environ)}}


@contextlib.contextmanager
def over_http(copies: Path) -> Iterator[dict[str, Any]]:
    """Run a server that clients connect to; gives how they do."""
    command = [*COMMAND, "--notebook-dir", str(copies), "--http", "127.0.0.1:0"]
    environment = {**os.environ, "SEER_MCP_TOKEN": TOKEN}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            lines = iter(process.stderr.readline, "")
            (url,) = next(found for line in lines if (found := re.findall(r"http://\S+", line)))
            headers = {"Authorization": f"Bearer {TOKEN}"}
            yield {"notebook": {"type": "http", "url": url, "headers": headers}}
        finally:
            process.terminate()
            process.communicate()
