"""The owner's side of a runtime."""

from __future__ import annotations

from collections.abc import Callable

import grpc

from seer_rpc.client.cancellation import ending
from seer_rpc.client.connection import Connection
from seer_rpc.client.credentials import open_channel
from seer_rpc.client.failures import to_error
from seer_rpc.client.links.grpc import authorization, translate
from seer_rpc.client.workbench import Workbench
from seer_rpc.errors import SessionError
from seer_runtime.wire.pb import runtime_pb2 as pb
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema
from seer_runtime.wire.pb.runtime_pb2_grpc import RuntimeStub

_PATIENCE = 5.0
"""Seconds in which a runtime answers what takes it no time."""


class Control:
    """Calls the methods that need the owner's token."""

    def __init__(self, connection: Connection) -> None:
        """Talk to the runtime at the other end; the connection's token is the owner's."""
        self._connection = connection
        self._channel = open_channel(connection)
        self._stub = RuntimeStub(self._channel)
        self._metadata = authorization(connection.token)
        self.workbench = Workbench(self._channel, self._connection)

    def load(self, request: pb.LoadRequest, on_line: Callable[[str], None]) -> InterfaceSchema:
        """Load an interface, however long it takes; `on_line` gets what it prints meanwhile.

        Raises:
            InterfaceError: it cannot be loaded.
            SessionError: the runtime is gone.
        """
        events = self._stub.Load(request, metadata=self._metadata)
        try:
            # Whoever gives up on a load ends it.
            with ending(events):
                for event in events:
                    match event.WhichOneof("event"):
                        case "log_line":
                            on_line(event.log_line)
                        case "schema":
                            return event.schema
                        case _:
                            raise to_error(event.failure)
        except grpc.RpcError as error:
            raise translate(error, self._connection) from None
        raise SessionError("the runtime ended a load with neither a schema nor a failure")

    def interfaces(self) -> list[pb.LoadedInterface]:
        """Give the interfaces that are loaded.

        Raises:
            SessionError: the runtime is gone.
        """
        try:
            return list(self._stub.List(pb.InterfacesRequest(), metadata=self._metadata))
        except grpc.RpcError as error:
            raise translate(error, self._connection) from None

    def stop(self, grace: float = 0.0) -> None:
        """Have the runtime end: nothing new begins, and what runs has `grace` seconds.

        Raises:
            SessionError: the runtime is gone.
        """
        try:
            self._stub.Stop(pb.StopRequest(grace=grace), metadata=self._metadata, timeout=_PATIENCE)
        except grpc.RpcError as error:
            raise translate(error, self._connection) from None

    def release(self) -> None:
        """Have the runtime outlive its owner.

        Raises:
            SessionError: the runtime is gone.
        """
        try:
            self._stub.Release(pb.ReleaseRequest(), metadata=self._metadata, timeout=_PATIENCE)
        except grpc.RpcError as error:
            raise translate(error, self._connection) from None

    def close(self) -> None:
        """End the connection."""
        self._channel.close()
