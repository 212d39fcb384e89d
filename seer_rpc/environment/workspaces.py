"""Workspaces in sandboxes: libraries where Python looks, all else where agents work."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from seer_rpc.backends.import_path import LIBRARIES
from seer_rpc.client.workbench import Workbench
from seer_rpc.environment.work import WORKSPACE
from seer_rpc.errors import SandboxFileNotFoundError
from seer_rpc.workspace import Workspace
from seer_rpc.workspace.contents import Content, mode_of, telling
from seer_rpc.workspace.installing import install
from seer_rpc.workspace.parcels import session_file
from seer_rpc.workspace.places import Kind
from seer_runtime.wire.beneath import READ, opened
from seer_runtime.wire.parcels import pack_bytes, pack_file, parcels
from seer_runtime.wire.pb.runtime_pb2 import Entry

_KINDS: dict[Entry.Kind.ValueType, Kind] = {Entry.FILE: "file", Entry.FOLDER: "folder"}


def install_workspace(workbench: Workbench, workspace: Workspace, session: str) -> None:
    """Put a workspace into a sandbox, in place of what an earlier one of that session had there.

    Its libraries can be imported by all that runs there; skills and files are in `/workspace`.

    Raises:
        ConfigError: something that was not installed is in the way, or cannot be read here.
        SandboxFileError: it cannot be written.
    """
    libraries, others = workspace.library_parcels(), workspace.other_parcels(session)
    for folder, chosen in ((LIBRARIES, libraries), (WORKSPACE, others)):
        place = SandboxFolder(workbench, folder)
        # Most sandboxes begin without.
        if chosen or place.has_session(session):
            with telling("install the workspace"):
                install(place, chosen, session)


class SandboxFolder:
    """A folder of a sandbox, as parcels are installed in it."""

    def __init__(self, workbench: Workbench, path: str) -> None:
        """Install below it."""
        self._workbench = workbench
        self._path = PurePosixPath(path)

    def has_session(self, session: str) -> bool:
        """Tell whether a session has installed something."""
        file = session_file(session)
        return file.name in self.kinds(file.parent)

    def shown(self, path: Path) -> str:
        """Give a path as people know it."""
        return f"{self._path / path} in the sandbox"

    def kinds(self, folder: Path) -> Mapping[str, Kind]:
        """Say what is in a folder, by name."""
        try:
            entries = list(self._workbench.entries(self._full(folder), is_recursive=False))
        except SandboxFileNotFoundError:
            return {}
        return {os.fsdecode(each.path): _KINDS.get(each.kind, "other") for each in entries}

    def read(self, file: Path) -> bytes:
        """Give what a file holds."""
        return b"".join(self._workbench.read(self._full(file)))

    def make_private(self, folder: Path) -> None:
        """Make a folder: all that is in a sandbox has one owner."""
        self._workbench.make_folder(self._full(folder))

    def write(self, files: Mapping[Path, Content], mode: int | None = None) -> None:
        """Write files, all at once."""
        if files:
            entries = (entry for item in files.items() for entry in _entries(*item, mode))
            self._workbench.upload(str(self._path), parcels(entries))

    def remove(self, path: Path) -> None:
        """Remove a file, or an empty folder."""
        self._workbench.remove(self._full(path))

    def _full(self, path: Path) -> str:
        return str(self._path / path)


def _entries(path: Path, content: Content, mode: int | None) -> Iterator[Entry]:
    if isinstance(content, bytes):
        yield from pack_bytes(str(path), content, mode_of(content) if mode is None else mode)
        return
    with opened(os.open(content, READ)) as file:
        for entry in pack_file(file, str(path)):
            entry.mode = mode_of(content)
            yield entry
