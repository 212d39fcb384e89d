"""A folder's MCP servers, in the file where clients look for them."""

from __future__ import annotations

import json
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from seer_rpc.errors import ConfigError
from seer_rpc.files import write_whole
from seer_rpc.locations import MCP_VARIABLE

FILE = ".mcp.json"
_KEY = "mcpServers"
_MODE = 0o644


def configuration(folder: Path, servers: Mapping[str, Any], stale: Collection[str]) -> str:
    """Give what the folder's `.mcp.json` is to say: with `servers`, without those that are `stale`.

    What others wrote in it stays. It is "" where there is nothing to change.

    Raises:
        ConfigError: what is there is no such file, or has a server of the same name that is none
            of an interface.
    """
    if not servers and not stale:
        return ""
    file = folder / FILE
    content = _read(file)
    present = content.get(_KEY, {})
    for name in servers:
        if name in present and not _is_ours(present[name]):
            raise ConfigError(
                f"{file} has another server that is called {name!r}, which is none of an interface",
                hint="rename one of them: serve(..., name=) gives an interface another name",
            )
    kept = {name: each for name, each in present.items() if name not in stale or not _is_ours(each)}
    wanted = {**kept, **servers}
    if wanted == present:
        return ""
    content[_KEY] = wanted
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def write_configuration(folder: Path, text: str) -> None:
    """Write the folder's `.mcp.json`."""
    target = (folder / FILE).resolve()
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


def _is_ours(server: Any) -> bool:
    """Tell whether an interface's server is what an entry starts."""
    return (
        isinstance(server, dict)
        and isinstance(server.get("env"), dict)
        and MCP_VARIABLE in server["env"]
    )


def _not_ours(file: Path, why: str) -> ConfigError:
    return ConfigError(
        f"{file} cannot be added to: {why}", hint="correct or remove it, or use another folder"
    )
