"""Sandboxes on this machine that another process started."""

from __future__ import annotations

from pathlib import Path

from seer_rpc.backends.local.folders import Folders
from seer_rpc.backends.local.here import MachineHere
from seer_rpc.backends.protocol import Isolation, NetworkAccess
from seer_rpc.registry import SandboxRecord, is_running
from seer_rpc.waiting import wait_until
from seer_runtime.wire.marks import FRONT, WARDEN, kill_marked, marked

_STOP_TIMEOUT = 25.0
_WRITTEN = 3.0
"""Seconds in which the warden writes down how a sandbox ended, and removes what goes with it."""

_BURIED = 5.0
"""Seconds in which it has done so, where it was not asked for the end."""

_UNKNOWN = 255
"""The exit status of a front that ended where nobody saw it."""


class AttachedMachine(MachineHere):
    """A machine that runs, and runs on when this process ends."""

    def __init__(self, record: SandboxRecord) -> None:
        """Use what is written down of it."""
        super().__init__(record.id, record.name)
        self.endpoint = record.endpoint
        self.network = NetworkAccess(**record.network) if record.network is not None else None
        self.isolation = Isolation(**record.isolation)
        self._record = record

    def exit_code(self) -> int | None:
        """Give the front's exit status, or None while it runs."""
        if is_running(self._record):
            return None
        wait_until(lambda: self._obituary() is not None or not self._folders.all.exists(), _WRITTEN)
        obituary = self._obituary()
        return obituary.exit_code if obituary is not None else _UNKNOWN

    def release(self) -> None:
        """Leave it to its owner how long it lives."""

    def stop(self) -> None:
        """Wait for the end of a front that was asked to stop, and see to it where it does not."""
        wait_until(lambda: not is_running(self._record), _STOP_TIMEOUT)
        wait_until(lambda: self._obituary() is not None or not self._folders.all.exists(), _WRITTEN)
        if is_running(self._record) or self._record.is_detached or not self._is_owned:
            discard(self._record)

    @property
    def _is_owned(self) -> bool:
        return self._record.owner.is_alive


def memory(record: SandboxRecord) -> int:
    """Give the bytes that its processes have for themselves."""
    processes = {*marked(record.id), *marked(record.id, FRONT)}
    return sum(map(_own_memory, processes))


def discard(record: SandboxRecord) -> None:
    """End what is left of a machine, and remove its files."""
    folders = Folders(record.id)
    if folders.run.is_symlink():
        folders.run = folders.run.readlink()
    has_warden = is_running(record)
    # With the front everything ends that only the warden could find.
    kill_marked(record.id, FRONT)
    if is_running(record):
        # A front in a namespace hides its environment, from all but root.
        kill_marked(record.id, WARDEN)
        has_warden = False
    kill_marked(record.id)
    if has_warden:
        # It writes and removes there, too.
        wait_until(lambda: not folders.run.exists(), _BURIED)
    folders.remove()


def _own_memory(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    own = [line.split() for line in lines if line.startswith(("RssAnon:", "RssShmem:"))]
    return sum(int(size) << 10 for _, size, _ in own)
