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


MCP_TERMINAL = "terminal.json"
"""The file in there, in its place, of a server that works in a sandbox."""

NOTEBOOK_VARIABLE = "SEER_NOTEBOOK_SESSION"
"""Names the file of the notebook session that an MCP server is for."""

MCP_NOTEBOOK = "notebook.json"
"""The file in an MCP server's folder that says what models are told of that session."""


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


def notebooks_folder() -> Path:
    """Give the folder of the copies of notebooks that agents work with; they stay."""
    return state_folder() / "notebooks"


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
