"""A front that is started by hand: at an address of one's choice, and timed from its first moment.

Sandboxes on this machine listen on a unix-domain socket alone.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from seer_rpc.client import Connection
from seer_rpc.client.control import Control
from seer_runtime.wire.pb.runtime_pb2 import LoadRequest
from seer_runtime.wire.settings import Settings, token_digest


class Front:
    """A front in a process of its own."""

    def __init__(self, folder: Path, address: str) -> None:
        """Start it, and wait until it listens."""
        self._address = address
        self._token = secrets.token_urlsafe(32)
        settings = Settings(
            sandbox_id=secrets.token_hex(8),
            address=address,
            call_token_digest=token_digest(secrets.token_urlsafe(32)),
            admin_token_digest=token_digest(self._token),
            environment=dict(os.environ),
            working_directory=str(folder),
            sockets=str(folder),
        )
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "seer_runtime"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(settings.to_json())
        self._process.stdin.flush()
        if not self._process.stdout.readline():
            raise RuntimeError(f"the front ended with status {self._process.wait()}")

    def load(self, file: Path, name: str) -> Connection:
        """Load an interface; gives the way to it."""
        control = Control(Connection("", self._address, self._token))
        try:
            control.load(LoadRequest(interface=name, path=str(file)), lambda _: None)
        finally:
            control.close()
        return Connection(name, self._address, self._token)

    def check(self) -> None:
        """Ask whether it is well, as owners do."""
        with grpc.insecure_channel(self._address) as channel:
            health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(),
                metadata=(("authorization", f"Bearer {self._token}"),),
                wait_for_ready=True,
            )

    def close(self) -> None:
        """End it, as its owner's end would."""
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
