"""Commands and files in a sandbox, as its owner reaches them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from seer_rpc import errors
from seer_rpc.client.cancellation import CURRENT, ending
from seer_rpc.client.connection import Connection
from seer_rpc.client.links.grpc import authorization, translate
from seer_runtime.wire.pb import runtime_pb2 as pb
from seer_runtime.wire.pb.runtime_pb2_grpc import WorkbenchStub
from seer_runtime.wire.problems import NUMBERS, PROBLEM

PIECE = 1 << 20
"""Bytes that go in one message."""

_ERRORS: dict[pb.Problem.Kind.ValueType, type[errors.SandboxFileError]] = {
    pb.Problem.NOT_FOUND: errors.SandboxFileNotFoundError,
    pb.Problem.IS_FOLDER: errors.SandboxIsADirectoryError,
    pb.Problem.NOT_A_FOLDER: errors.SandboxNotADirectoryError,
    pb.Problem.NO_PERMISSION: errors.SandboxPermissionError,
}
_HINTS = {
    pb.Problem.OUTSIDE: "paths lie below /workspace, /root or /models, and links do not lead out",
}


class Workbench:
    """The owner's hands in a sandbox. Every method raises SessionError where it is gone."""

    def __init__(self, channel: grpc.Channel, connection: Connection) -> None:
        """Use an open channel."""
        self._stub = WorkbenchStub(channel)
        self._connection = connection
        self._metadata = authorization(connection.token)

    def execute(self, command: pb.Command, given: bytes) -> Iterator[pb.ExecEvent]:
        """Run a command that reads `given`; gives what it prints and then how it ended.

        Who stops to take that ends it.

        Raises:
            SandboxFileError: it cannot run in its folder.
        """
        requests = _requests(command, given)
        return self._stream(self._stub.Exec(requests, metadata=self._metadata))

    def read(self, path: str) -> Iterator[bytes]:
        """Give what a file holds, in pieces.

        Raises:
            SandboxFileError: it cannot be read.
        """
        for chunk in self._stream(self._stub.Read(_request(path), metadata=self._metadata)):
            yield chunk.data

    def write(self, path: str, pieces: Iterable[bytes], mode: int | None = None) -> None:
        """Write a file whole or not at all, its folders included.

        Raises:
            SandboxFileError: it cannot be written.
        """
        new = pb.NewFile(path=os.fsencode(path), mode=mode)
        with _sending(pieces, lambda data: pb.WriteRequest(data=data)) as requests:
            self._send(self._stub.Write, pb.WriteRequest(file=new), requests)

    def entries(self, path: str, *, is_recursive: bool) -> Iterator[pb.Entry]:
        """Give what is in a folder.

        Raises:
            SandboxFileError: it cannot be read.
        """
        request = pb.ListRequest(path=os.fsencode(path), is_recursive=is_recursive)
        for listing in self._stream(self._stub.List(request, metadata=self._metadata)):
            yield from listing.entries

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it.

        Raises:
            SandboxFileError: it cannot be made.
        """
        self._ask(self._stub.MakeFolder, _request(path))

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with what is in it.

        Raises:
            SandboxFileError: it cannot be removed.
        """
        self._ask(self._stub.Remove, _request(path))
