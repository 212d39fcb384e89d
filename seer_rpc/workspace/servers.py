"""A folder's MCP servers, in the file where clients look for them."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seer_rpc.errors import ConfigError
from seer_rpc.files import write_whole
from seer_rpc.workspace.library import Library

FILE = ".mcp.json"
_KEY = "mcpServers"
_MODE = 0o644


def configure_servers(folder: Path, libraries: Iterable[Library]) -> None:
    """Write the servers of `libraries` into the folder's `.mcp.json`; others in it stay.

    Raises:
        ConfigError: what is there is no such file.
    """
    servers: dict[str, Any] = {}
    for library in libraries:
        servers |= library.mcp_servers
    if not servers:
        return
    file = folder / FILE
    content = _read(file)
    content[_KEY] = content.get(_KEY, {}) | servers
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    target = file.resolve()
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else _MODE
    # Half a surrogate is not to be encoded; escaped, it is JSON.
    write_whole(target, text.encode("utf-8", "backslashreplace"), mode)


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise _not_ours(file, str(error)) from None
    if not isinstance(content, dict) or not isinstance(content.get(_KEY, {}), dict):
        raise _not_ours(file, f"it has no object {_KEY!r}")
    return content


def _not_ours(file: Path, why: str) -> ConfigError:
    return ConfigError(
        f"{file} cannot be added to: {why}", hint="correct or remove it, or use another folder"
    )
