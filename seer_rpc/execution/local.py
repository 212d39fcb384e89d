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

    Scripts in that folder can import them too. A library that was imported before from the same
    folder is imported anew.

    Raises:
        InterfaceError: a served interface is not loaded yet.
    """
    folder = Path(workspace_dir).resolve()
    workspace.install(folder)
    _forget_modules(folder, {library.name for library in workspace.libraries})
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    return LocalSession(name or folder.name, folder)


def _forget_modules(folder: Path, names: set[str]) -> None:
    for module_name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        is_ours = file is not None and Path(file).is_relative_to(folder)
        if is_ours and module_name.partition(".")[0] in names:
            del sys.modules[module_name]
            for value in vars(module).values():
                if isinstance(value, RemoteInterface):
                    value.close()
