"""Calls that show a sandbox on Modal that it is needed, as long as its owner lives."""

from __future__ import annotations

import threading
import time
from typing import Any

import grpc

from seer_rpc.client.connection import Connection
from seer_rpc.client.credentials import open_channel
from seer_rpc.client.links.grpc import translate
from seer_rpc.errors import SandboxLostError, SeerError

_HELD = {
    "grpc.keepalive_permit_without_calls": 1,
    # Between two calls gRPC would end it.
    "grpc.client_idle_timeout_ms": 2**31 - 1,
}
_METHOD = "/grpc.health.v1.Health/Check"
"""It needs a token that is not here: to be refused shows that the runtime answers."""

_PERIOD = 60.0
"""Seconds from call to call; the sandbox waits for much longer."""

_ANSWER = 5.0
_LOOK = 0.1


class Presence:
    """Calls a sandbox now and then, whatever breaks."""

    def __init__(self, connection: Connection, seconds: float) -> None:
        """Connect.

        Raises:
            TunnelError: the way there is not one that calls can take.
            SandboxLostError: nobody answers within so many seconds.
        """
        self._connection = connection
        self._channel = open_channel(connection, _HELD)
        self._ended = threading.Event()
        try:
            self._await_answer(time.monotonic() + seconds)
        except BaseException:
            self.end()
            raise
        threading.Thread(target=self._hold, name="seer-modal-presence", daemon=True).start()

    def end(self) -> None:
        """End it."""
        self._ended.set()
        self._channel.close()

    def _await_answer(self, deadline: float) -> None:
        while (problem := self._ask()) is not None:
            if not isinstance(problem, SandboxLostError) or time.monotonic() > deadline:
                raise problem
            time.sleep(_LOOK)

    def _hold(self) -> None:
        while not self._ended.wait(_PERIOD):
            self._ask()

    def _ask(self) -> SeerError | None:
        """Have the runtime answer; gives what is in the way."""
        method: Any = self._channel.unary_unary(_METHOD)
        try:
            method(b"", timeout=_ANSWER)
        except grpc.RpcError as error:
            match error.code():
                case grpc.StatusCode.UNAUTHENTICATED:
                    return None
                case grpc.StatusCode.DEADLINE_EXCEEDED:
                    return SandboxLostError(f"{self._connection.endpoint} does not answer")
            return translate(error, self._connection)
        except ValueError:
            # It was ended meanwhile.
            return None
        return None
