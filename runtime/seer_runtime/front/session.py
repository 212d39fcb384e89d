"""A client's session: what it may ask for once it is open."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable

from seer_runtime.front.failure import FailureError, error_frame
from seer_runtime.front.interface import Reply, ServedInterface
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


class Session:
    """Routes one client's calls to the interface that it opened."""

    def __init__(self, find: Callable[[str], ServedInterface], send: Reply) -> None:
        """Look interfaces up with `find`; answer through `send`."""
        self._id = secrets.token_bytes(16)
        self._find = find
        self._send = send
        self._name = ""
        self._schema_hash = ""
        self._interface: ServedInterface | None = None

    async def receive(self, frames: AsyncIterator[pb.Frame]) -> None:
        """Take frames until the client sends no more.

        Raises:
            FrameError: it breaks the protocol.
        """
        async for frame in frames:
            data = frame.data
            header = parse_header(data)
            if header.kind is Kind.OPEN:
                await self._open(header, data)
            elif header.kind is Kind.CALL and header.session == self._id:
                await self._call(header, data)
            elif header.kind in (Kind.CANCEL, Kind.MORE) and header.session == self._id:
                self._steer(header, data)
            else:
                raise FrameError(f"unexpected {header.kind.name} frame, or not this session's")

    def close(self) -> None:
        """Give up the answers that are still to come."""
        if self._interface is not None:
            self._interface.forget(self._id)

    async def _open(self, header: Header, data: bytes) -> None:
        opening = decode_frame(data)
        self._name = opening.name
        self._schema_hash = str(opening.body, "ascii", "replace")
        try:
            interface = await self._attach()
        except FailureError as error:
            self._send(error_frame(header, 0, error.failure))
            return
        self._send(encode_frame(Frame(Kind.OPENED, self._id, epoch=interface.epoch)))

    async def _call(self, header: Header, data: bytes) -> None:
        try:
            interface = await self._attach()
        except FailureError as error:
            self._send(error_frame(header, header.epoch, error.failure))
            return
        if header.epoch != interface.epoch:
            self._send(error_frame(header, interface.epoch, _STATE_LOST))
        else:
            interface.call(header, data, self._send)

    def _steer(self, header: Header, data: bytes) -> None:
        if self._interface is None:
            return
        if header.kind is Kind.MORE:
            self._interface.take_more(header, data)
        else:
            self._interface.give_up((self._id, header.seq), Failure.CANCELLED)

    async def _attach(self) -> ServedInterface:
        """Give the interface as it is served now; one that was served anew must be the same."""
        interface = self._find(self._name)
        if interface is not self._interface:
            schema = await interface.schema()
            if self._schema_hash not in ("", schema.hash):
                raise FailureError(_changed(schema))
            self._interface = interface
        return interface


_STATE_LOST = Failure(
    kind=Failure.STATE_LOST,
    effect=Failure.NOT_STARTED,
    message="the worker was restarted since the last call; the interface's module state is as "
    "after loading",
    hint="set up the state again where it matters, then repeat the call",
)


def _changed(schema: InterfaceSchema) -> Failure:
    functions = ", ".join(function.name for function in schema.functions)
    return Failure(
        kind=Failure.SCHEMA_CHANGED,
        message=f"interface {schema.name!r} is not the one this library was made from; "
        f"it now has: {functions}",
        hint="make the library anew: install what serve() gave back last",
    )
