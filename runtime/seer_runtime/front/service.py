"""The Runtime service: interfaces under their names, and the sessions with them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeAlias

import grpc
import grpc.aio

from seer_runtime.front.clients import Client, Sessions
from seer_runtime.front.failure import FailureError
from seer_runtime.front.interface import ServedInterface, Spawn
from seer_runtime.front.journal import FrontJournal
from seer_runtime.front.log import BoundedLog
from seer_runtime.wire.blocks import BlockPool
from seer_runtime.wire.frames import FrameError
from seer_runtime.wire.limits import SESSION_METHOD
from seer_runtime.wire.pb import runtime_pb2 as pb
from seer_runtime.wire.pb.runtime_pb2 import Failure
from seer_runtime.wire.pb.runtime_pb2_grpc import (
    RuntimeServicer,
    add_RuntimeServicer_to_server,
)

_LOG_PERIOD = 0.2
"""Seconds between looks at what an interface prints while it loads."""

_LOOK = 0.02

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


class RuntimeService(RuntimeServicer):
    """Serves any number of interfaces."""

    def __init__(
        self,
        spawn: Spawn,
        log: BoundedLog,
        journal: FrontJournal,
        on_stop: Callable[[float], None],
        on_release: Callable[[], None],
        masked_names: Sequence[str] = (),
    ) -> None:
        """Start workers with `spawn`, which mask those names in all that they say.

        `on_stop` ends the sandbox, with so many seconds of grace; `on_release` has it outlive its
        owner.
        """
        self._masked_names = masked_names
        self._on_stop = on_stop
        self._on_release = on_release
        self._spawn = spawn
        self._log = log
        self._journal = journal
        self._interfaces: dict[str, ServedInterface] = {}
        self._memory = BlockPool()
        self.sessions = Sessions(self._find, self._memory, journal)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def Load(  # noqa: N802
        self, request: pb.LoadRequest, context: Context
    ) -> AsyncIterator[pb.LoadEvent]:
        """Load an interface; a worker that serves under its name ends first."""
        interface = await self._replace(request)
        loading = asyncio.ensure_future(interface.schema())
        try:
            while not loading.done():
                await asyncio.wait([loading], timeout=_LOG_PERIOD)
                if interface.last_line:
                    yield pb.LoadEvent(log_line=interface.last_line)
            yield pb.LoadEvent(schema=await loading)
        except FailureError as error:
            yield pb.LoadEvent(failure=error.failure)
        finally:
            if not loading.done():
                # Whoever asked for it is gone.
                loading.cancel()
                await interface.stop()

    async def session(
        self, messages: AsyncIterator[bytes], context: Context
    ) -> AsyncIterator[bytes]:
        """Serve one connection of a client: frames both ways, as bytes."""
        client = Client(self.sessions, is_on_this_host=context.peer().startswith("unix:"))
        taking = asyncio.create_task(_take(messages, client))
        taking.add_done_callback(lambda _: client.end())
        living = asyncio.create_task(client.show_life())
        error: FrameError | None = None
        try:
            while (message := await client.message()) is not None:
                yield message
        finally:
            taking.cancel()
            living.cancel()
            error = client.close()
        error = error or taking.result()
        if error is not None:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    async def List(  # noqa: N802
        self, request: pb.InterfacesRequest, context: Context
    ) -> AsyncIterator[pb.LoadedInterface]:
        """Tell what is loaded."""
        for interface in list(self._interfaces.values()):
            if (loaded := interface.loaded) is not None:
                yield loaded

    async def Stop(self, request: pb.StopRequest, context: Context) -> pb.StopReply:  # noqa: N802
        """End the sandbox, a moment later."""
        self._on_stop(request.grace)
        return pb.StopReply()

    async def Release(  # noqa: N802
        self, request: pb.ReleaseRequest, context: Context
    ) -> pb.ReleaseReply:
        """Have the end of the owner mean nothing."""
        self._on_release()
        return pb.ReleaseReply()

    async def drain(self) -> None:
        """Begin nothing new, and wait until all calls have ended."""
        self.sessions.drain()
        for interface in self._interfaces.values():
            interface.drain()
        # What had just begun when it was told is noticed a moment later.
        await asyncio.sleep(_LOOK)
        while any(interface.is_busy for interface in self._interfaces.values()):
            await asyncio.sleep(_LOOK)

    async def stop(self) -> None:
        """End every worker."""
        stopping = [interface.stop() for interface in self._interfaces.values()]
        await asyncio.gather(*stopping)

    async def _replace(self, request: pb.LoadRequest) -> ServedInterface:
        name = request.interface
        request.masked_names[:] = self._masked_names
        async with self._locks[name]:
            previous = self._interfaces.get(name)
            if previous is not None:
                await previous.stop()
            interface = ServedInterface(
                request, self._spawn, self._memory, self._log, self._journal, previous
            )
            interface.on_stray = self.sessions.keep
            self._interfaces[name] = interface
        return interface

    def _find(self, name: str) -> ServedInterface:
        interface = self._interfaces.get(name)
        if interface is None:
            served = ", ".join(sorted(self._interfaces)) or "none"
            raise FailureError(
                Failure(
                    kind=Failure.NO_INTERFACE,
                    message=f"no interface {name!r} is served here (served: {served})",
                    hint="serve it again, and use what serve() gives back",
                )
            )
        return interface


async def _take(messages: AsyncIterator[bytes], client: Client) -> FrameError | None:
    try:
        async for message in messages:
            client.take(message)
    except FrameError as error:
        return error
    return None


def add_to_server(service: RuntimeService, server: grpc.aio.Server) -> None:
    """Have a server serve it."""
    add_RuntimeServicer_to_server(service, server)
    name, method = SESSION_METHOD[1:].split("/")
    # Without (de)serialisers: frames are bytes already.
    handler: Any = grpc.stream_stream_rpc_method_handler(service.session)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(name, {method: handler}),)
    )
