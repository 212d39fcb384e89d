"""A server that answers calls with whatever a test wants, over real gRPC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeAlias

import grpc

from seer_rpc.client import Connection
from seer_runtime.wire.codec import Codec
from seer_runtime.wire.frames import Frame, Kind, decode_frame, encode_frame
from seer_runtime.wire.limits import SESSION_METHOD

Answer: TypeAlias = Callable[[Frame], Iterator[bytes | grpc.StatusCode]]
"""Gives the messages that answer a frame, as they go over the wire; a status ends the stream."""

_SESSION = bytes(range(16))


def reply(call: Frame, kind: Kind = Kind.RESULT, body: bytes | None = None) -> Frame:
    """Give a frame that answers a call; an empty list, where nothing else is asked for."""
    content = Codec().encode([]).body if body is None else body
    return Frame(kind, call.session, call.seq, epoch=call.epoch, name=call.name, body=content)


def opened(session: bytes = _SESSION) -> Frame:
    """Give the frame that opens a session."""
    return Frame(Kind.OPENED, session, epoch=1)


def _nothing(asked: Frame) -> Iterator[bytes]:
    return iter(())


class HostileServer:
    """Answers calls with `answer`, and the frame that opens a session with `opening`.

    Each is followed by the right answer: whoever still waits after that waits in vain.
    """

    def __init__(self, answer: Answer = _nothing, opening: Answer = _nothing) -> None:
        """Start."""
        self._answer = answer
        self._opening = opening
        self._threads = ThreadPoolExecutor(8)
        self._server = grpc.server(self._threads)
        session: Any = grpc.stream_stream_rpc_method_handler(self._session)
        service, method = SESSION_METHOD[1:].split("/")
        self._server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(service, {method: session})]
        )
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        self.connection = Connection("hostile", f"127.0.0.1:{port}", "token")

    def __enter__(self) -> Self:
        """Give the server itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """End, and with it every session."""
        self._server.stop(None).wait()
        self._threads.shutdown()

    def _session(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        for request in requests:
            frame = decode_frame(request)
            if frame.kind is Kind.OPEN:
                answers, right = self._opening(frame), opened()
            elif frame.kind is Kind.CALL:
                answers, right = self._answer(frame), reply(frame)
            else:
                continue
            for each in answers:
                if isinstance(each, bytes):
                    yield each
                else:
                    context.abort(each, "as the test wants it")
            yield encode_frame(right)
