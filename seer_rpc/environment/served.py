"""Libraries of served interfaces: made when they are needed, from the schema as it is then."""

from __future__ import annotations

from collections.abc import Callable

from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema

from seer_rpc.client.connection import Connection
from seer_rpc.generators import library_docs, library_files
from seer_rpc.workspace import Library


class ServedLibrary(Library):
    """A library whose functions call a served interface."""

    def __init__(
        self, name: str, connection: Connection, schema: Callable[[], InterfaceSchema]
    ) -> None:
        """Take the way to the interface, and what gives its schema once it is loaded."""
        super().__init__(
            name, {}, private_files={f"{connection.interface}.json": connection.to_json()}
        )
        self._schema = schema

    @property
    def files(self) -> dict[str, str]:
        """The generated package.

        Raises:
            InterfacePendingError: the interface still waits for a module.
        """
        return library_files(self._schema())

    @property
    def docs(self) -> str:
        """The signatures and docstrings of the functions."""
        return library_docs(self._schema())

    @property
    def is_single_file(self) -> bool:
        """Whether this is one module and no package; generated libraries are packages."""
        return False
