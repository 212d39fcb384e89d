"""A link over gRPC: one bidirectional stream, shared by all calls of a session."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import grpc

from seer_rpc.client.connection import Connection
from seer_rpc.client.credentials import open_channel
from seer_rpc.client.links.base import OutboxLink
from seer_rpc.client.links.incoming import Memory
from seer_rpc.client.links.loss import START_AGAIN, ended, refused, vanished
from seer_rpc.client.network_errors import network_error
from seer_rpc.errors import SandboxLostError, SeerError, SessionError
from seer_runtime.wire.frames import FrameError, decode_frame
from seer_runtime.wire.limits import SESSION_METHOD

if TYPE_CHECKING:
    from seer_rpc.client.links import OnFrame, OnLost

_PROCESS = os.getpid()


class GrpcLink(OutboxLink):
    """Sends from an outbox, receives on a thread."""

    def __init__(
        self, connection: Connection, memory: Memory, on_frame: OnFrame, on_lost: OnLost
    ) -> None:
        """Connect. What fails later is told through `on_lost`.

        Raises:
            SessionError: this process is a fork of one that used gRPC.
        """
        if os.getpid() != _PROCESS:
            # gRPC's threads stayed behind, with its locks; to go on would crash now and then.
            raise SessionError(
                "a forked process cannot use the connections of its parent",
                hint='start child processes anew: multiprocessing.get_context("spawn")',
            )
        super().__init__(memory, on_frame, on_lost)
        self._connection = connection
        self._channel = open_channel(connection)
        # Without (de)serialisers: frames are bytes already.
        method: Any = self._channel.stream_stream(SESSION_METHOD)
        self._stream = method(iter(self._outbox), metadata=authorization(connection.token))
        threading.Thread(target=self._run, name="seer-link", daemon=True).start()

    def abort(self) -> None:
        """End the stream and the connection at once."""
        self.close()
        self._stream.cancel()

    def _run(self) -> None:
        error = self._receive(self._stream)
        self._outbox.close()
        self._ended.set()
        if not self._closed:
            self._on_lost(error)
        self._stream.cancel()
        self._channel.close()

    def _receive(self, messages: Iterable[bytes]) -> SeerError:
        try:
            for message in messages:
                self._take(decode_frame(message))
        except FrameError as broken:
            return SessionError(f"the sandbox broke the protocol: {broken}", hint=START_AGAIN)
        except grpc.RpcError as failed:
            return translate(failed, self._connection)
        return SandboxLostError("the sandbox ended the session", hint=START_AGAIN)


def authorization(token: str) -> tuple[tuple[str, str]]:
    """Give the metadata that every method needs."""
    return (("authorization", f"Bearer {token}"),)


def translate(error: grpc.RpcError, connection: Connection) -> SeerError:
    """Give this library's error for gRPC's; gRPC's own never reaches a user."""
    code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
    details = (error.details() if isinstance(error, grpc.Call) else "") or str(code)
    match code:
        case grpc.StatusCode.UNAUTHENTICATED | grpc.StatusCode.PERMISSION_DENIED:
            return refused(details)
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.CANCELLED:
            if connection.is_local:
                return vanished(details, connection.endpoint)
            return ended(connection.endpoint) or network_error(details, connection)
        case _:
            return SessionError(f"the sandbox refused: {details} ({code.name})")
