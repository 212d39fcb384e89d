"""The Runtime service: interfaces under their names, and the sessions with them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import grpc
import grpc.aio

from seer_runtime.front.failure import FailureError
from seer_runtime.front.interface import ServedInterface, Spawn
from seer_runtime.front.log import BoundedLog
from seer_runtime.front.session import Session
from seer_runtime.wire.frames import FrameError
from seer_runtime.wire.pb import runtime_pb2 as pb
from seer_runtime.wire.pb.runtime_pb2 import Failure
from seer_runtime.wire.pb.runtime_pb2_grpc import RuntimeServicer

_LOG_PERIOD = 0.2
"""Seconds between looks at what an interface prints while it loads."""

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


class RuntimeService(RuntimeServicer):
    """Serves any number of interfaces."""

    def __init__(self, spawn: Spawn, log: BoundedLog) -> None:
        """Start workers with `spawn`."""
        self._spawn = spawn
        self._log = log
        self._interfaces: dict[str, ServedInterface] = {}
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

    async def Session(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.Frame], context: Context
    ) -> AsyncIterator[pb.Frame]:
        """Serve one session until the client ends it."""
        outbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        session = Session(self._find, outbox.put_nowait)
        receiving = asyncio.create_task(session.receive(request_iterator))
        receiving.add_done_callback(lambda _: outbox.put_nowait(None))
        try:
            while (data := await outbox.get()) is not None:
                yield pb.Frame(data=data)
            await receiving
        except FrameError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        finally:
            receiving.cancel()
            session.close()

    async def stop(self) -> None:
        """End every worker."""
        stopping = [interface.stop() for interface in self._interfaces.values()]
        await asyncio.gather(*stopping)

    async def _replace(self, request: pb.LoadRequest) -> ServedInterface:
        name = request.interface
        async with self._locks[name]:
            previous = self._interfaces.get(name)
            if previous is not None:
                await previous.stop()
            epoch = previous.epoch + 1 if previous else 1
            interface = ServedInterface(request, epoch, self._spawn, self._log)
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
