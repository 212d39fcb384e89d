"""Sandboxes on this machine that another process started."""

from __future__ import annotations

import time
from pathlib import Path

from seer_rpc.backends.local.premises import SOCKETS, Premises, remove_folders
from seer_rpc.backends.protocol import NetworkAccess
from seer_rpc.client.obituary import UNKNOWN, read_obituary
from seer_rpc.registry import SandboxRecord
from seer_runtime.wire.journal import is_held
from seer_runtime.wire.marks import FRONT, kill_marked, marked

_STOP_TIMEOUT = 15.0
_LOOK = 0.02


class AttachedMachine(Premises):
    """A machine that runs, and runs on when this process ends."""

    def __init__(self, record: SandboxRecord) -> None:
        """Use what is written down of it."""
        super().__init__(record.id, record.name)
        self.endpoint = record.endpoint
        self.network = NetworkAccess(**record.network) if record.network is not None else None
        self.isolation = record.isolation
        self._record = record

    def exit_code(self) -> int | None:
        """Give the front's exit status, or None while it runs: -1 where nobody knows it."""
        if is_held(str(self._folder)):
            return None
        obituary = read_obituary(self.endpoint)
        return obituary.exit_code if obituary is not None else UNKNOWN

    def stop(self) -> None:
        """Wait for the end of a front that was asked to stop, and see to it where it does not."""
        deadline = time.monotonic() + _STOP_TIMEOUT
        while is_held(str(self._folder)) and time.monotonic() < deadline:
            time.sleep(_LOOK)
        if is_held(str(self._folder)) or not self._record.owner.is_alive:
            discard(self._record)


def memory(record: SandboxRecord) -> int:
    """Give the bytes that its processes have for themselves."""
    processes = {*marked(record.id), *marked(record.id, FRONT)}
    return sum(map(_own_memory, processes))


def _own_memory(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    own = [line.split() for line in lines if line.startswith(("RssAnon:", "RssShmem:"))]
    return sum(int(size) << 10 for _, size, _ in own)


def discard(record: SandboxRecord) -> None:
    """End what is left of a machine, and remove its files."""
    kill_marked(record.id, FRONT)
    kill_marked(record.id)
    remove_folders(record.folder, _sockets(record))


def _sockets(record: SandboxRecord) -> Path:
    folder = Path(record.endpoint.removeprefix("unix:")).parent
    # Where the sandbox's own folder has too long a name, and nowhere else.
    return folder if folder.name.startswith(SOCKETS) else record.folder
