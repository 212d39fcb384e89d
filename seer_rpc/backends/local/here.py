"""What every sandbox on this machine is, whoever started it: a folder, and what is told in it."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from pathlib import Path, PurePosixPath

from seer_rpc.backends.local.folders import KEPT, Folders
from seer_rpc.backends.local.namespace import RUN as INSIDE
from seer_rpc.backends.local.socket_relay import NEAR
from seer_rpc.backends.local.web_relay import SOCKET
from seer_rpc.backends.protocol import Isolation, WebPlace
from seer_rpc.client.connection import Connection
from seer_rpc.client.obituary import Obituary, ending_of, find_obituary
from seer_rpc.errors import SandboxError
from seer_rpc.snapshots import Snapshot, Subject, take_snapshot
from seer_runtime.wire.journal import RUN

_UNIX = "unix:"


class MachineHere(ABC):
    """The folder that holds a sandbox's files."""

    handle = None
    is_here = True
    endpoint: str
    isolation: Isolation

    def __init__(self, sandbox_id: str, name: str) -> None:
        """Know its folder, which may not be there yet."""
        self._folders = Folders(sandbox_id)
        self._subject = Subject(sandbox_id, name, "local")
        self._reached: dict[str, str] = {}
        """Endpoints of this machine, and what they are in the sandbox."""

        self._web_url = ""
        """Where a web server in it is, once it is known how to get there."""

    def connection(self, interface: str, token: str) -> Connection:
        """Give the way to one interface, by the socket."""
        return Connection(interface, self.endpoint, token)

    def path(self, path: str) -> str:
        """Give the path under which processes inside the sandbox find `path`.

        Raises:
            SandboxError: it is not below the sandbox's own folders.
        """
        file = self._folders.find(path)
        return str(PurePosixPath("/root", path)) if self.isolation.paths else str(file)

    def web(self) -> WebPlace:
        """Give a place on this machine's own addresses; without a network, a socket file's.

        Raises:
            SandboxError: nobody could be reached there.
        """
        folder = str(self._folders.run.resolve())
        sockets = INSIDE if self.isolation.paths else folder
        if not self.isolation.network:
            return WebPlace(sockets=sockets)
        self._web_url = self._web_url or f"http://127.0.0.1:{_start_relay('web_relay', folder)}"
        return WebPlace(socket=f"{sockets}/{SOCKET}", url=self._web_url, sockets=sockets)

    def reach(self, endpoint: str) -> str:
        """Give the endpoint under which what runs in it reaches a runtime on this machine.

        Raises:
            SandboxError: it cannot.
        """
        if not endpoint.startswith(_UNIX) or not self.isolation.paths:
            return endpoint
        if endpoint not in self._reached:
            name = f"{secrets.token_hex(4)}.sock"
            command = ("socket_relay", str(self._folders.run.resolve()), name)
            _start_relay(*command, endpoint.removeprefix(_UNIX))
            self._reached[endpoint] = f"{_UNIX}{INSIDE}/{NEAR}/{name}"
        return self._reached[endpoint]

    def logs(self, lines: int) -> list[str]:
        """Give the newest lines of the log."""
        return _read_log(self._folders.log, lines)

    def folder(self) -> Path:
        """Give the sandbox's own folder."""
        return self._folders.all

    def journal(self) -> Path:
        """Give the folder in which it is written."""
        return self._folders.all / RUN

    def snapshot(self, description: str) -> Snapshot:
        """Keep the files in `/root` and `/workspace`.

        Raises:
            SnapshotError: there is no room for them.
        """
        return take_snapshot(
            self._folders.all, KEPT, self._subject, description, lambda: self.exit_code() is None
        )

    def leave(self) -> None:  # noqa: B027 - it is all that there is to do
        """Let go of it; nothing here holds it."""

    @abstractmethod
    def exit_code(self) -> int | None:
        """Give the front's exit status, or None while it runs."""

    def ending(self) -> str:
        """Say why the front ended, as far as that is known."""
        return ending_of(self._obituary())

    def _obituary(self) -> Obituary | None:
        return find_obituary(self._folders.obituary)


def _start_relay(*command: str) -> str:
    """Start what connects this machine with the sandbox, as long as that runs; gives what it says.

    Raises:
        SandboxError: it does not start.
    """
    module, *arguments = command
    relay = subprocess.Popen(
        [sys.executable, "-P", "-m", f"seer_rpc.backends.local.{module}", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    # It is waited for when it ends, whenever that is.
    threading.Thread(target=relay.wait, name="seer-relay", daemon=True).start()
    assert relay.stdout is not None
    with relay.stdout as said:
        line = said.readline().strip()
    if not line:
        raise SandboxError("what connects the sandbox with this machine does not start")
    return line.decode()


def _read_log(file: Path, lines: int) -> list[str]:
    found: list[str] = []
    for each in (file.with_name(f"{file.name}.previous"), file):
        with contextlib.suppress(FileNotFoundError):
            found += each.read_text(errors="replace").splitlines()
    return found[-lines:] if lines > 0 else []
