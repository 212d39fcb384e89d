"""Where a sandbox on this machine has its files."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path, PurePosixPath

from seer_rpc.backends.local.removal import remove_tree
from seer_rpc.errors import SandboxError, SandboxStartError
from seer_rpc.locations import sandboxes_folder
from seer_runtime.wire.journal import RUN
from seer_runtime.wire.limits import MAX_SOCKET_PATH

KEPT = ("root", "workspace")
"""Folders that are in snapshots."""

OWN = (*KEPT, "models")
"""The folders that are the sandbox's, under the names that they have there."""

_SOCKET = "front.sock"
_LONGEST = "jupyter-0000/kernel-00-00-00-00-00-ipc-0"
"""The longest name of a socket in there: that of a kernel."""


class Folders:
    """The folder of one sandbox: what is the sandbox's in it, and what is this machine's alone."""

    def __init__(self, sandbox_id: str) -> None:
        """Choose the places; nothing is there yet."""
        self.all = sandboxes_folder() / sandbox_id
        self.run = self.all / RUN
        """What the sandbox's processes write for others: it is opened with care."""

    @property
    def socket(self) -> Path:
        """Where the front listens."""
        return self.run / _SOCKET

    @property
    def log(self) -> Path:
        """What the sandbox printed, the newest of it."""
        return self.all / "log"

    @property
    def obituary(self) -> Path:
        """Where it is written how the sandbox ended, for this user."""
        return self.all / "ended"

    @property
    def obituaries(self) -> set[Path]:
        """Where it is written how the sandbox ended: for this user, and for clients."""
        return {self.obituary, self.run.with_name("ended")}

    @property
    def hidden(self) -> Path:
        """Where the files of hidden models are, under names that say nothing."""
        return self.all / "hidden"

    @property
    def temporary(self) -> Path:
        """Where temporary files are, where the sandbox has no /tmp of its own."""
        return self.all / "tmp"

    @property
    def written(self) -> list[Path]:
        """What the sandbox's processes write to."""
        return [*(self.all / name for name in OWN), self.run, self.temporary]

    @property
    def removable(self) -> set[Path]:
        """What goes with the sandbox."""
        return {self.all, self.run.parent}

    def create(self) -> None:
        """Make them.

        Raises:
            OSError: they cannot be made.
            SandboxStartError: there is no place for sockets.
        """
        self.all.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.all.chmod(0o700)
        for name in OWN:
            (self.all / name).mkdir(exist_ok=True, mode=0o700)
        if not _is_address(self.run / _LONGEST):
            short = _short_folder(self.all.name)
            # First of all: whoever removes this folder finds the other one by it.
            self.run.symlink_to(short / RUN)
            self.run = short / RUN
            short.mkdir(mode=0o700)
        self.run.mkdir(mode=0o700)

    def find(self, path: str) -> Path:
        """Give the file on this machine that stands for a `path` of the sandbox.

        Raises:
            SandboxError: it is not below the sandbox's own folders.
        """
        parts = PurePosixPath("/root", path).parts[1:]
        if not parts or parts[0] not in OWN or ".." in parts:
            raise SandboxError(
                f"{path!r} is outside the sandbox",
                hint="use a path below /root, /workspace or /models",
            )
        return self.all.joinpath(*parts)

    def make_mount_point(self, path: str, is_folder: bool) -> None:
        """Have a folder or file for something to be mounted at, where `path` is in an own folder.

        Raises:
            SandboxStartError: there is something else, a link that leads away, say.
        """
        parts = PurePosixPath(path).parts[1:]
        if not parts or parts[0] not in OWN or len(parts) == 1:
            return
        try:
            place = os.open(self.all / parts[0], os.O_DIRECTORY | os.O_NOFOLLOW)
            for part in parts[1:-1]:
                place = _enter(place, part)
            if is_folder:
                place = _enter(place, parts[-1])
            else:
                flags = os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
                os.close(os.open(parts[-1], flags, 0o600, dir_fd=place))
            os.close(place)
        except OSError as error:
            raise SandboxStartError(
                f"{path} is needed for what the sandbox gets, and is something else: "
                f"{error.strerror}",
                hint="files that are restored must leave it free",
            ) from error

    def remove(self) -> None:
        """Remove them and all that is in them."""
        for folder in self.removable:
            remove_tree(str(folder))


def _short_folder(name: str) -> Path:
    """Give a place for a folder with sockets in it; its name can be guessed by nobody."""
    for base in (tempfile.gettempdir(), "/tmp"):
        folder = Path(base, f"seer-{name}")
        if _is_address(folder / RUN / _LONGEST):
            return folder
    raise SandboxStartError(
        f"the paths of sockets would be too long in {tempfile.gettempdir()}",
        hint="set TMPDIR to a folder with a short path",
    )


def _is_address(socket: Path) -> bool:
    """Tell whether a path can be a socket's address: short, and plain in gRPC's URIs."""
    return len(os.fsencode(socket)) <= MAX_SOCKET_PATH and not set("%?#") & set(str(socket))


def _enter(place: int, name: str) -> int:
    """Go into a folder, made where it is missing, and never through a link."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=place)
    try:
        return os.open(name, os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place)
    finally:
        os.close(place)
