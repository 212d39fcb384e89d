"""Local sessions: a workspace's libraries, importable on this machine."""

from __future__ import annotations

import importlib
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path

from seer_rpc.client import RemoteInterface
from seer_rpc.workspace import Workspace


@dataclass(frozen=True)
class LocalSession:
    """A folder whose libraries this process can import."""

    name: str
    workspace_dir: Path
    session_id: str = field(default_factory=lambda: secrets.token_hex(8))


def create_local_session(
    workspace: Workspace, workspace_dir: str | Path, name: str | None = None
) -> LocalSession:
    """Write the workspace's libraries into `workspace_dir` and make them importable here.

    Scripts in that folder can import them too. What was imported before under the name of one of
    them is imported anew, from this session.

    Raises:
        InterfaceError: a served interface is not loaded yet.
    """
    folder = Path(workspace_dir).resolve()
    workspace.install(folder)
    _forget_modules({library.name for library in workspace.libraries})
    sys.path[:] = [str(folder), *(path for path in sys.path if path != str(folder))]
    importlib.invalidate_caches()
    return LocalSession(name or folder.name, folder)


def _forget_modules(names: set[str]) -> None:
    """Have the libraries imported anew, whichever session they were imported from."""
    for name in [each for each in sys.modules if each.partition(".")[0] in names]:
        for value in getattr(sys.modules.pop(name), "__dict__", {}).values():
            if isinstance(value, RemoteInterface):
                value.close()
