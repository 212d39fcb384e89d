"""The folder of a sandbox on this machine, for whoever started the sandbox or found it running."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path, PurePosixPath

from seer_rpc.client.obituary import ending_in
from seer_rpc.errors import SandboxError
from seer_rpc.locations import sandboxes_folder
from seer_rpc.snapshots import Snapshot, Subject, take_snapshot

KEPT = ("root", "workspace")
"""Folders that are in snapshots."""

FOLDERS = (*KEPT, "models")

SOCKETS = "seer-"
"""How the name of a folder begins that is elsewhere, since a socket's path must be short."""

LAST_LINES = 20


class Premises:
    """What can be told and changed of a sandbox by its folder alone."""

    def __init__(self, sandbox_id: str, name: str) -> None:
        """Choose the places; nothing needs to be there yet."""
        self._id = sandbox_id
        self._name = name
        self._folder = sandboxes_folder() / sandbox_id
        self._log = self._folder / "log"

    def path(self, path: str) -> str:
        """Give the file on this machine that stands for `path`.

        Raises:
            SandboxError: it is not below the sandbox's own folders.
        """
        parts = PurePosixPath("/root", path).parts[1:]
        if not parts or parts[0] not in FOLDERS or ".." in parts:
            raise SandboxError(
                f"{path!r} is outside the sandbox",
                hint="use a path below /root, /workspace or /models",
            )
        return str(self._folder.joinpath(*parts))

    def logs(self, lines: int) -> list[str]:
        """Give the newest lines of the log."""
        with contextlib.suppress(FileNotFoundError):
            return self._log.read_text(errors="replace").splitlines()[-lines:] if lines > 0 else []
        return []

    def folder(self) -> Path:
        """Give the sandbox's own folder."""
        return self._folder

    def snapshot(self, description: str) -> Snapshot:
        """Keep the files in `/root` and `/workspace`.

        Raises:
            SnapshotError: there is no room for them.
        """
        subject = Subject(self._id, self._name, "local")
        return take_snapshot(
            self._folder, KEPT, subject, description, lambda: self.exit_code() is None
        )

    def exit_code(self) -> int | None:
        """Give the front's exit status, or None while it runs."""
        raise NotImplementedError

    def ending(self) -> str:
        """Say why the front ended, as far as its log tells."""
        return ending_in(self.exit_code(), self.logs(LAST_LINES))


def remove_folders(*folders: Path) -> None:
    """Remove what goes with a sandbox."""
    for folder in set(folders):
        shutil.rmtree(folder, ignore_errors=True)
