"""A sandbox on Modal."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
from functools import partial
from pathlib import Path, PurePosixPath

import modal
from modal import exception

from seer_rpc.backends.modal.deadlines import within
from seer_rpc.backends.modal.definition import FRONT_FOLDER, WEB_PORT
from seer_rpc.backends.modal.observation import Observation
from seer_rpc.backends.modal.presence import Presence
from seer_rpc.backends.modal.snapshots import keep
from seer_rpc.backends.protocol import Isolation, NetworkAccess, WebPlace
from seer_rpc.client.connection import Connection
from seer_rpc.client.obituary import ending_of
from seer_rpc.errors import SandboxError
from seer_rpc.files import locked
from seer_rpc.locations import sandboxes_folder
from seer_rpc.snapshots import Snapshot, Subject, note_snapshot
from seer_runtime.wire.journal import CURRENT, PREVIOUS, RUN

_OWN = ("root", "workspace", "models")
_FETCH = 60.0
_STOP = 60.0
"""Seconds in which Modal ends a sandbox."""


class ModalMachine:
    """A sandbox on Modal whose runtime answers.

    Attributes:
        id: The sandbox's id here.
        handle: Modal's own object.
    """

    is_here = False

    def __init__(
        self,
        sandbox_id: str,
        name: str,
        sandbox: modal.Sandbox,
        network: NetworkAccess,
        isolation: Isolation,
        observation: Observation,
        presence: Presence | None,
    ) -> None:
        """Take over what `start_machine` made; without a presence it outlives this process."""
        self.handle = sandbox
        self.endpoint = network.endpoint
        self.network: NetworkAccess | None = network
        self.isolation = isolation
        self.id = sandbox_id
        self._name = name
        self._observation = observation
        self._presence = presence
        self._owner = os.getpid()
        if presence is not None:
            # Whoever ends without a word needs it no longer.
            atexit.register(self._abandon)

    def connection(self, interface: str, token: str) -> Connection:
        """Give the way to one interface, which is that of other machines."""
        assert self.network is not None
        return self.network.connection(interface, token)

    def path(self, path: str) -> str:
        """Give the path under which processes inside the sandbox find `path`.

        Raises:
            SandboxError: it is not below the sandbox's own folders.
        """
        parts = PurePosixPath("/root", path).parts[1:]
        if not parts or parts[0] not in _OWN or ".." in parts:
            raise SandboxError(
                f"{path!r} is outside the sandbox",
                hint="use a path below /root, /workspace or /models",
            )
        return str(PurePosixPath("/", *parts))

    def web(self) -> WebPlace:
        """Give the place behind a tunnel.

        Raises:
            SandboxError: it has none.
        """
        try:
            tunnels = within(_FETCH, lambda: self.handle.tunnels(timeout=int(_FETCH)))
            url = tunnels[WEB_PORT].url
        except (exception.Error, TimeoutError, KeyError) as error:
            raise SandboxError(
                "the sandbox has no tunnel for a notebook",
                hint="start it with execution_mode=ExecutionMode.NOTEBOOK",
            ) from error
        return WebPlace(host="0.0.0.0", port=WEB_PORT, url=url, sockets=FRONT_FOLDER)

    def reach(self, endpoint: str) -> str:
        """Give the endpoint of a runtime that what runs in it is to reach.

        Raises:
            SandboxError: it is on the user's machine alone.
        """
        if endpoint.startswith("unix:"):
            raise SandboxError(
                "a sandbox on Modal cannot call what is served on this machine alone",
                hint="serve it on Modal, too, or with listen= and for_network()",
            )
        return endpoint

    def release(self) -> None:
        """Leave it to its runtime when it ends."""
        atexit.unregister(self._abandon)
        if self._presence is not None:
            self._presence.end()

    def logs(self, lines: int) -> list[str]:
        """Give the newest lines of the log."""
        return self._observation.lines(lines)

    def folder(self) -> Path:
        """Give the folder on this machine that goes with the sandbox."""
        return sandboxes_folder() / self.id

    def journal(self) -> Path:
        """Fetch it; where the sandbox has ended, it is as it was when it was last asked for."""
        folder = self.folder() / RUN
        for name in (PREVIOUS, CURRENT) if self._observation.exit_code is None else ():
            # A file that is not there yet has nothing to tell; others may fetch it, too.
            with contextlib.suppress(exception.Error, OSError), locked(folder / "fetching"):
                fetched, source = folder / f"{name}.new", f"{FRONT_FOLDER}/{name}"
                copy = partial(self.handle.filesystem.copy_to_local, source, str(fetched))
                within(_FETCH, copy)
                _bring(fetched, folder / name)
        return folder

    def snapshot(self, description: str) -> Snapshot:
        """Have Modal keep all its files, as an image that stays in the workspace.

        Raises:
            SnapshotError: Modal does not.
        """
        image = keep(self.handle)
        return note_snapshot(Subject(self.id, self._name, "modal"), description, image)

    def exit_code(self) -> int | None:
        """Give the runtime's exit status, or None while it runs."""
        return self._observation.exit_code

    def ending(self) -> str:
        """Say why the runtime ended, as far as that is known."""
        return ending_of(self._observation.obituary)

    def leave(self) -> None:
        """Let go of it; it runs on."""
        self._observation.leave()
        self.handle.detach()

    def stop(self) -> None:
        """Have Modal end it.

        Raises:
            SandboxError: Modal does not say that it has ended it.
        """
        if os.getpid() != self._owner:
            return
        if self._presence is not None:
            self._presence.end()
        if self._observation.exit_code is None:
            self._terminate()
        atexit.unregister(self._abandon)
        self._observation.finish()
        # Its connections stay open otherwise.
        self.handle.detach()

    def _terminate(self) -> None:
        try:
            within(_STOP, lambda: self.handle.terminate(wait=True))
        except (exception.NotFoundError, exception.ConflictError):
            # It has ended already.
            return
        except (exception.Error, TimeoutError) as error:
            raise SandboxError(
                f"Modal does not say that it has ended the sandbox: {error}",
                hint=f"`modal sandbox terminate {self.handle.object_id}`, or `seer gc`; by itself "
                "it ends when nobody has used it for a while",
            ) from error

    def _abandon(self) -> None:
        if os.getpid() == self._owner and self._observation.exit_code is None:
            # On this thread: others cannot be started any more.
            with contextlib.suppress(exception.Error):
                self.handle.terminate()


def _bring(fetched: Path, file: Path) -> None:
    """Have a file as it was fetched; one that has grown is added to: others read it."""
    known = file.stat().st_size if file.exists() else 0
    if fetched.stat().st_size < known:
        fetched.replace(file)
        return
    with fetched.open("rb") as source, file.open("ab") as target:
        source.seek(known)
        shutil.copyfileobj(source, target)
    fetched.unlink()
