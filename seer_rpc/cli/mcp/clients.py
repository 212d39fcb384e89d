"""What is said of a server to each of the common clients."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def _claude_code(name: str, server: Mapping[str, Any]) -> str:
    env = [option for item in _assignments(server) for option in ("--env", item)]
    words = ["claude", "mcp", "add", name, *env, "--", *_command(server)]
    return shlex.join(words)


def _mcp_servers(name: str, server: Mapping[str, Any]) -> str:
    return _json({"mcpServers": {name: dict(server)}})


def _vs_code(name: str, server: Mapping[str, Any]) -> str:
    return _json({"servers": {name: dict(server)}})


def _codex(name: str, server: Mapping[str, Any]) -> str:
    variables = ", ".join(f"{key} = {_toml(text)}" for key, text in server["env"].items())
    lines = [
        f"[mcp_servers.{_toml(name)}]",
        f"command = {_toml(server['command'])}",
        f"args = {_toml(server['args'])}",
        "startup_timeout_sec = 120",
        f"env = {{ {variables} }}",
    ]
    return "\n".join(lines)


def _toml(value: str | Sequence[str]) -> str:
    # A text in JSON is one in TOML, and a list of them an array, but for what TOML has escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", r"\u007f")


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _assignments(server: Mapping[str, Any]) -> list[str]:
    return [f"{name}={text}" for name, text in server["env"].items()]


def _command(server: Mapping[str, Any]) -> Sequence[str]:
    return [server["command"], *server["args"]]


CLIENTS: dict[str, tuple[str, Callable[[str, Mapping[str, Any]], str]]] = {
    "claude-code": ("Claude Code: run this", _claude_code),
    "claude-desktop": ("Claude Desktop: in claude_desktop_config.json", _mcp_servers),
    "cursor": ("Cursor: in .cursor/mcp.json", _mcp_servers),
    "codex": ("Codex: in ~/.codex/config.toml", _codex),
    "vs-code": ("VS Code: in .vscode/mcp.json", _vs_code),
}
"""Where each has its servers, and what is to be written there."""
