"""The Runtime service: sessions, loading, logs."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import grpc
import grpc.aio

from seer_runtime.front.interface import (
    LoadFailedError,
    Reply,
    ServedInterface,
    Spawn,
    error_frame,
)
from seer_runtime.front.log import BoundedLog
from seer_runtime.wire.frames import (
    Frame,
    FrameError,
    Header,
    Kind,
    decode_frame,
    encode_frame,
    parse_header,
)
from seer_runtime.wire.pb import runtime_pb2 as pb
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema
from seer_runtime.wire.pb.runtime_pb2 import Failure
from seer_runtime.wire.pb.runtime_pb2_grpc import RuntimeServicer

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


class RuntimeService(RuntimeServicer):
    """Serves any number of interfaces under their names."""

    def __init__(self, spawn: Spawn, log: BoundedLog) -> None:
        """Start workers with `spawn`."""
        self._spawn = spawn
        self._log = log
        self._interfaces: dict[str, ServedInterface] = {}

    async def Load(  # noqa: N802
        self,
        request: pb.LoadRequest,
        context: Context,
    ) -> AsyncIterator[pb.LoadEvent]:
        """Load an interface; a worker that serves under its name ends first."""
        previous = self._interfaces.pop(request.interface, None)
        if previous is not None:
            await previous.stop()
        epoch = previous.epoch + 1 if previous else 1
        interface = ServedInterface(request, epoch, self._spawn, self._log)
        self._interfaces[request.interface] = interface
        loading = asyncio.ensure_future(interface.schema())
        try:
            with self._log.listen() as lines:
                async for line in _until(loading, lines):
                    yield pb.LoadEvent(log_line=line)
            yield pb.LoadEvent(schema=await loading)
        except LoadFailedError as error:
            yield pb.LoadEvent(failure=error.failure)
        finally:
            if not loading.done():
                # Whoever asked for it is gone.
                loading.cancel()
                await interface.stop()

    async def Describe(  # noqa: N802
        self,
        request: pb.DescribeRequest,
        context: Context,
    ) -> InterfaceSchema:
        """Give an interface's schema, once it is loaded."""
        interface = self.find(request.interface)
        if isinstance(interface, Failure):
            await context.abort(grpc.StatusCode.NOT_FOUND, interface.message)
        try:
            return await interface.schema()
        except LoadFailedError as error:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, error.failure.message)

    async def Logs(self, request: pb.LogsRequest, context: Context) -> pb.LogsReply:  # noqa: N802
        """Give the newest lines."""
        return pb.LogsReply(lines=self._log.last(request.lines))

    async def Session(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.Frame], context: Context
    ) -> AsyncIterator[pb.Frame]:
        """Serve one session until the client ends it."""
        outbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        session = _Session(self, outbox.put_nowait)
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
        await asyncio.gather(*stopping, return_exceptions=True)

    def find(self, name: str) -> ServedInterface | Failure:
        """Give the interface served as `name`, or the failure that says what there is."""
        return self._interfaces.get(name) or self._unknown(name)

    def _unknown(self, name: str) -> Failure:
        served = ", ".join(sorted(self._interfaces)) or "none"
        return Failure(
            kind=Failure.NO_INTERFACE,
            message=f"no interface {name!r} is served here (served: {served})",
            hint="serve it again, and use what serve() gives back",
        )


class _Session:
    """What a client may ask for once it has opened a session."""

    def __init__(self, service: RuntimeService, send: Reply) -> None:
        self._id = secrets.token_bytes(16)
        self._service = service
        self._send = send
        self._name = ""
        self._schema_hash = ""
        self._interface: ServedInterface | None = None

    async def receive(self, frames: AsyncIterator[pb.Frame]) -> None:
        async for frame in frames:
            data = frame.data
            header = parse_header(data)
            if header.kind is Kind.OPEN:
                await self._open(decode_frame(data))
            elif header.kind is Kind.CALL and header.session == self._id:
                await self._call(header, data)
            else:
                raise FrameError(f"unexpected {header.kind.name} frame, or not this session's")

    def close(self) -> None:
        if self._interface is not None:
            self._interface.forget(self._id)

    async def _open(self, frame: Frame) -> None:
        self._name = frame.name
        self._schema_hash = str(frame.body, "ascii", "replace")
        try:
            interface = await self._attach()
        except LoadFailedError as error:
            body = error.failure.SerializeToString()
            self._send(encode_frame(Frame(Kind.ERROR, body=body)))
        else:
            self._send(encode_frame(Frame(Kind.OPENED, self._id, epoch=interface.epoch)))

    async def _call(self, header: Header, data: bytes) -> None:
        try:
            interface = await self._attach()
        except LoadFailedError as error:
            self._send(error_frame(header, header.epoch, error.failure))
            return
        if header.epoch != interface.epoch:
            self._send(error_frame(header, interface.epoch, _state_lost()))
        else:
            interface.call(header, data, self._send)

    async def _attach(self) -> ServedInterface:
        """Give the interface as it is served now; one that was served anew must be the same."""
        interface = self._service.find(self._name)
        if interface is not self._interface:
            if isinstance(interface, Failure):
                raise LoadFailedError(interface)
            schema = await interface.schema()
            if self._schema_hash not in ("", schema.hash):
                raise LoadFailedError(_changed(schema))
            self._interface = interface
        return interface


def _changed(schema: InterfaceSchema) -> Failure:
    functions = ", ".join(function.name for function in schema.functions)
    return Failure(
        kind=Failure.SCHEMA_CHANGED,
        message=f"interface {schema.name!r} is not the one this library was made from; "
        f"it now has: {functions}",
        hint="make the library anew: install what serve() gave back last",
    )


def _state_lost() -> Failure:
    return Failure(
        kind=Failure.STATE_LOST,
        effect=Failure.NOT_STARTED,
        message="the worker was restarted since the last call; the interface's module state is "
        "as after loading",
        hint="set up the state again where it matters, then repeat the call",
    )


async def _until(done: asyncio.Future[Any], lines: asyncio.Queue[str]) -> AsyncIterator[str]:
    """Yield lines until `done`; then those that are left."""
    while not done.done():
        getting = asyncio.ensure_future(lines.get())
        try:
            await asyncio.wait([done, getting], return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                yield getting.result()
        finally:
            getting.cancel()
    with contextlib.suppress(asyncio.QueueEmpty):
        while True:
            yield lines.get_nowait()
