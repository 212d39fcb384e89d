"""Where this library keeps files of its own on the user's machine."""

from __future__ import annotations

import os
from pathlib import Path

PRIVATE_FOLDER = ".seer"
"""Where a workspace keeps what only its owner may read."""

MCP_VARIABLE = "SEER_MCP_FOLDER"
"""Names an MCP server's own folder, in the environment that its configuration gives it."""

MCP_SCHEMA = "schema"
"""The file in there that has the interface's schema."""


NOTEBOOK_VARIABLE = "SEER_NOTEBOOK_FILE"
"""Names the file of a notebook session to attach to, in the environment of an MCP server."""


def state_folder() -> Path:
    """Give the folder of running sandboxes: `$XDG_STATE_HOME/seer`."""
    return _folder("XDG_STATE_HOME", ".local/state")


def sandboxes_folder() -> Path:
    """Give the folder that has one for each running sandbox on this machine, under its id."""
    return state_folder() / "sandboxes"


def snapshots_folder() -> Path:
    """Give the folder of snapshots; they stay until they are removed."""
    return state_folder() / "snapshots"


def results_folder() -> Path:
    """Give the folder of results that are too large to be shown; they outlive their sandbox."""
    return state_folder() / "results"


def jobs_folder() -> Path:
    """Give the folder of what jobs gave, each in a file under its id."""
    return state_folder() / "jobs"


def mcp_folder() -> Path:
    """Give the folder that has one for each MCP server that was configured."""
    return state_folder() / "mcp"


def cache_folder() -> Path:
    """Give the folder of what can be made again: `$SEER_CACHE` or `$XDG_CACHE_HOME/seer`."""
    chosen = os.environ.get("SEER_CACHE")
    return Path(chosen).expanduser() if chosen else _folder("XDG_CACHE_HOME", ".cache")


def _folder(variable: str, default: str) -> Path:
    base = Path(os.environ.get(variable, ""))
    # The specification has relative ones ignored.
    return (base if base.is_absolute() else Path.home() / default) / "seer"
