"""The product itself, through the session that generated libraries use."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.peers.front import Front
from benchmarks.peers.protocol import Echo
from benchmarks.values import Array
from seer_rpc.client import Connection, Session
from seer_rpc.environment import SandboxConfig, ScopedSandbox

_BENCHMARKS = Path(__file__).parents[1]
CALLS = _BENCHMARKS / "interfaces" / "calls.py"
CONFIG = SandboxConfig(local_dirs=[(str(_BENCHMARKS), "/root/benchmarks")])
"""The interfaces import from the benchmarks."""


class SandboxPeer:
    """One session, which threads share."""

    def __init__(self, connection: Connection, end_sandbox: Callable[[], object]) -> None:
        """Open the session."""
        self._end_sandbox = end_sandbox
        self.session = Session(connection)

    def caller(self) -> Echo:
        """Give what one thread makes small calls with."""
        return lambda value: self.session.call("echo", [value], {})

    def take(self, array: Array) -> float:
        """Send an array."""
        return float(self.session.call("take", [array], {}))

    def prepare(self, count: int) -> None:
        """Have the sandbox make an array."""
        self.session.call("prepare", [count], {})

    def give(self) -> float:
        """Bring the array here."""
        return float(self.session.call("give", [], {})[-1])

    def stream(self, count: int) -> Iterator[Any]:
        """Give items."""
        return iter(self.session.call("stream", [count], {}))

    def close(self) -> None:
        """End the session and the sandbox."""
        self.session.close()
        self._end_sandbox()


def open_peer(folder: Path, variant: str) -> SandboxPeer:
    """Open it on this host, or over "tcp"."""
    if variant == "tcp":
        front = Front(folder, _free_address())
        return SandboxPeer(front.load(CALLS, "calls"), front.close)
    scoped = ScopedSandbox(CONFIG).start()
    return SandboxPeer(scoped.serve(CALLS, name="calls").connection, scoped.terminate)


def _free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"
