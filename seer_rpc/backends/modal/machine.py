"""A sandbox on Modal."""

from __future__ import annotations

import contextlib
import os
from functools import partial
from pathlib import Path, PurePosixPath

import modal
from modal import exception

from seer_rpc.backends.modal.deadlines import within
from seer_rpc.backends.modal.definition import FRONT_FOLDER
from seer_rpc.backends.modal.observation import EXPIRED, Observation
from seer_rpc.backends.modal.presence import Presence
from seer_rpc.backends.protocol import Isolation, NetworkAccess
from seer_rpc.errors import SandboxError, SnapshotError
from seer_rpc.locations import sandboxes_folder
from seer_rpc.snapshots import Snapshot
from seer_runtime.wire.exits import OLD, STOPPING
from seer_runtime.wire.journal import CURRENT, PREVIOUS, RUN

_OWN = ("root", "workspace", "models")
_FETCH = 60.0
_STOP = 60.0
"""Seconds in which Modal ends a sandbox."""


class ModalMachine:
    """A sandbox on Modal whose runtime answers.

    Attributes:
        sandbox: Modal's own object.
    """

    def __init__(
        self,
        sandbox_id: str,
        sandbox: modal.Sandbox,
        endpoint: str,
        isolation: Isolation,
        observation: Observation,
        presence: Presence | None,
    ) -> None:
        """Take over what `start_machine` made; without a presence it outlives this process."""
        self.sandbox = sandbox
        self.endpoint = endpoint
        self.network: NetworkAccess | None = NetworkAccess(endpoint=endpoint)
        self.isolation = isolation
        self._id = sandbox_id
        self._observation = observation
        self._presence = presence
        self._owner = os.getpid()

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

    def logs(self, lines: int) -> list[str]:
        """Give the newest lines of the log."""
        return self._observation.lines(lines)

    def folder(self) -> Path:
        """Give the folder on this machine that goes with the sandbox."""
        return sandboxes_folder() / self._id

    def journal(self) -> Path:
        """Fetch it; where the sandbox has ended, it is as it was when it was last asked for."""
        folder = self.folder() / RUN
        for name in (PREVIOUS, CURRENT) if self._observation.exit_code is None else ():
            # A file that is not there yet has nothing to tell.
            with contextlib.suppress(exception.Error, TimeoutError):
                source, target = f"{FRONT_FOLDER}/{name}", folder / name
                within(_FETCH, partial(self.sandbox.filesystem.copy_to_local, source, target))
        return folder

    def snapshot(self, description: str) -> Snapshot:
        """Refuse: this version keeps no files of sandboxes on Modal.

        Raises:
            SnapshotError: always.
        """
        raise SnapshotError(
            "this version takes no snapshots of sandboxes on Modal",
            hint="download_dir() fetches what is to be kept",
        )

    def exit_code(self) -> int | None:
        """Give the runtime's exit status, or None while it runs."""
        return self._observation.exit_code

    def ending(self) -> str:
        """Say why the runtime ended, as far as that is known."""
        code = self._observation.exit_code
        if code is None:
            return ""
        said = [line for line in self.logs(_LOOKED_AT) if line.startswith(STOPPING)]
        if said and code == 0:
            return said[-1].removeprefix(STOPPING)
        return _CAUSES.get(code, "")

    def stop(self) -> None:
        """Have Modal end it.

        Raises:
            SandboxError: Modal does not say that it has ended it.
        """
        if os.getpid() != self._owner:
            return
        if self._presence is not None:
            self._presence.end()
        if self._observation.exit_code is not None:
            return
        try:
            within(_STOP, lambda: self.sandbox.terminate(wait=True))
        except (exception.NotFoundError, exception.ConflictError):
            # It has ended already.
            return
        except (exception.Error, TimeoutError) as error:
            raise SandboxError(
                f"Modal does not say that it has ended the sandbox: {error}",
                hint=f"`modal sandbox terminate {self.sandbox.object_id}`, or `seer gc`; by itself "
                "it ends when nobody has used it for a while",
            ) from error


_LOOKED_AT = 20
_CAUSES = {
    EXPIRED: f"{OLD}, or it had none to use it for a while, and Modal ended it",
    137: "Modal ended it: somebody else terminated it, or its memory was used up",
}
