"""A link over gRPC: one bidirectional stream, shared by all calls of a session."""

from __future__ import annotations

import os
import queue
import threading
from concurrent.futures import Future

import grpc

from seer_rpc.client.connection import Connection
from seer_rpc.client.credentials import is_local, open_channel
from seer_rpc.client.links import OnFrame, OnLost
from seer_rpc.client.network_errors import network_error
from seer_rpc.client.obituary import read_obituary
from seer_rpc.errors import AuthenticationError, SandboxLostError, SeerError, SessionError
from seer_runtime.wire.exits import describe_exit
from seer_runtime.wire.frames import Frame, FrameError, decode_frame, encode_frame
from seer_runtime.wire.pb import runtime_pb2 as pb
from seer_runtime.wire.pb.runtime_pb2_grpc import RuntimeStub

_PROCESS = os.getpid()


class GrpcLink:
    """Sends from a queue, receives on a thread."""

    def __init__(self, connection: Connection, on_frame: OnFrame, on_lost: OnLost) -> None:
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
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._connection = connection
        self._outbox: queue.SimpleQueue[pb.Frame | None] = queue.SimpleQueue()
        self._closed = False
        self._broken = threading.Event()
        self._error: Future[SeerError] = Future()
        self._channel = open_channel(connection)
        self._stream = RuntimeStub(self._channel).Session(
            iter(self._outbox.get, None), metadata=authorization(connection.token)
        )
        threading.Thread(target=self._receive, name="seer-link", daemon=True).start()

    def send(self, frame: Frame) -> None:
        """Send a frame; does not wait.

        Raises:
            SeerError: the link is broken; the frame was not sent.
        """
        message = pb.Frame(data=encode_frame(frame))
        if self._broken.is_set():
            raise self._error.result()
        self._outbox.put(message)

    def close(self) -> None:
        """End the stream and the connection."""
        self._closed = True
        self._outbox.put(None)
        self._stream.cancel()
        self._channel.close()

    def _receive(self) -> None:
        error: SeerError = SessionError("the sandbox broke the protocol", hint=_START_AGAIN)
        try:
            for message in self._stream:
                self._on_frame(decode_frame(message.data))
            error = SandboxLostError("the sandbox ended the session", hint=_START_AGAIN)
        except FrameError as broken:
            error = SessionError(f"the sandbox broke the protocol: {broken}", hint=_START_AGAIN)
        except grpc.RpcError as failed:
            self._broken.set()
            if not self._closed:
                error = translate(failed, self._connection)
        finally:
            self._broken.set()
            self._error.set_result(error)
            self._on_lost(error)
            self.close()


_START_AGAIN = "start the sandbox again and serve the interface; show_rpc_logs() may say why"


def authorization(token: str) -> tuple[tuple[str, str]]:
    """Give the metadata that every method needs."""
    return (("authorization", f"Bearer {token}"),)


def translate(error: grpc.RpcError, connection: Connection) -> SeerError:
    """Give this library's error for gRPC's; gRPC's own never reaches a user."""
    code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
    details = (error.details() if isinstance(error, grpc.Call) else "") or str(code)
    match code:
        case grpc.StatusCode.UNAUTHENTICATED | grpc.StatusCode.PERMISSION_DENIED:
            return AuthenticationError(
                f"the sandbox refused the token: {details}",
                hint="connection files are good for one sandbox: start the session again",
            )
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.CANCELLED:
            return _lost(details, connection)
        case _:
            return SessionError(f"the sandbox refused: {details} ({code.name})")


def _lost(details: str, connection: Connection) -> SeerError:
    if not is_local(connection):
        return network_error(details, connection)
    obituary = read_obituary(connection.endpoint)
    if obituary is None:
        return SandboxLostError(f"the sandbox is gone: {details}", hint=_START_AGAIN)
    return SandboxLostError(
        f"the sandbox is gone: its front {describe_exit(obituary.exit_code)}",
        hint=_START_AGAIN,
        log=obituary.log,
        exit_code=obituary.exit_code,
    )
