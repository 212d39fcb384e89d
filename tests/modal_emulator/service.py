"""What stands between calls and what handles them: the log, tokens, faults, repetitions."""

from __future__ import annotations

import asyncio
import re
import socket
import traceback
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeAlias

from grpclib import GRPCError, Status
from grpclib.const import Cardinality, Handler
from grpclib.exceptions import StreamTerminatedError
from grpclib.protocol import H2Protocol
from grpclib.server import Server

from tests.modal_emulator.faults import Faults
from tests.modal_emulator.log import Call, Log

Authenticate: TypeAlias = Callable[[str, Any], None]
"""Takes a method and its metadata; raises GRPCError."""

HOST = "127.0.0.1"

_KEY = "x-idempotency-key"


class Service:
    """A gRPC service: `TaskExecStart` is for the handler that has a `task_exec_start`."""

    def __init__(
        self,
        base: type,
        handlers: Sequence[object],
        authenticate: Authenticate,
        log: Log,
        faults: Faults,
    ) -> None:
        """Serve the methods of a generated class."""
        self._base: Any = base
        self._handlers = handlers
        self._authenticate = authenticate
        self._log = log
        self._faults = faults
        self._answers: dict[tuple[str, str], asyncio.Task[Any]] = {}

    def __mapping__(self) -> dict[str, Handler]:
        """Give grpclib a handler for every method that there is."""
        blank = type("Blank", (self._base,), dict.fromkeys(self._base.__abstractmethods__))
        generated: dict[str, Handler] = blank().__mapping__()
        return {
            path: handler._replace(func=partial(self._handle, path, handler.cardinality))
            for path, handler in generated.items()
        }

    async def _handle(self, path: str, cardinality: Cardinality, stream: Any) -> None:
        request = None if cardinality.client_streaming else await stream.recv_message()
        call = self._log.add(path, request, stream.metadata.get(_KEY))
        try:
            await self._answer(call, cardinality, request, stream)
        except GRPCError as error:
            call.status = error.status.name
            raise
        except (asyncio.CancelledError, StreamTerminatedError):
            call.status = "CANCELLED"
            raise
        except Exception:
            self._log.failures.append(f"{path} failed:\n{traceback.format_exc()}")
            raise
        call.status = "OK"

    async def _answer(
        self, call: Call, cardinality: Cardinality, request: Any, stream: Any
    ) -> None:
        self._authenticate(call.method, stream.metadata)
        handler = self._find(call.method)
        async with self._faults.around(call.method):
            if cardinality.server_streaming:
                async for item in handler(request):
                    await stream.send_message(item)
                return
            given = stream if cardinality.client_streaming else request
            answer = await self._once(call, partial(handler, given))
        await stream.send_message(answer)

    def _find(self, method: str) -> Callable[..., Any]:
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", method).lower()
        for handlers in self._handlers:
            if hasattr(handlers, name):
                found: Callable[..., Any] = getattr(handlers, name)
                return found
        self._log.failures.append(f"{method} is not emulated")
        raise GRPCError(Status.UNIMPLEMENTED, f"{method} is not emulated")

    async def _once(self, call: Call, run: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Run what is asked, or join what an earlier attempt with the same key began."""
        if call.key is None:
            return await run()
        key = (call.method, call.key)
        if key not in self._answers or _has_failed(self._answers[key]):
            self._answers[key] = asyncio.create_task(run())
        # A client that gives up leaves what it began to its next attempt.
        return await asyncio.shield(self._answers[key])


class Listener(Server):
    """A server of one service on this machine."""

    def __init__(self, service: Service) -> None:
        """Listen nowhere yet."""
        super().__init__([service])
        self._protocols: list[H2Protocol] = []

    async def listen(self) -> str:
        """Start; gives the URL."""
        listening = socket.create_server((HOST, 0))
        await self.start(sock=listening)
        return f"http://{HOST}:{listening.getsockname()[1]}"

    async def stop(self) -> None:
        """End every call and connection; grpclib leaves connections to its clients."""
        self.close()
        await self.wait_closed()
        for protocol in self._protocols:
            protocol.processor.close()
        # Transports close their sockets a turn later.
        await asyncio.sleep(0)

    def _protocol_factory(self) -> H2Protocol:
        self._protocols.append(super()._protocol_factory())
        return self._protocols[-1]


def _has_failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
