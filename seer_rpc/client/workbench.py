"""Commands and files in a sandbox, as its owner reaches them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import grpc

from seer_rpc import errors
from seer_rpc.client.cancellation import CURRENT, Cancellable, ending
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

    def execute(
        self, command: pb.Command, given: Iterable[bytes]
    ) -> Generator[pb.ExecEvent, None, None]:
        """Run a command that reads `given`; gives what it prints and then how it ended.

        Who closes the generator ends it.

        Raises:
            SandboxFileError: it cannot run in its folder.
        """
        requests = (pb.ExecRequest(input=piece) for piece in given)
        first = pb.ExecRequest(command=command)
        return self._stream(self._stub.Exec, itertools.chain([first], requests))

    def read(self, path: str) -> Generator[bytes, None, None]:
        """Give what a file holds, in pieces.

        Raises:
            SandboxFileError: it cannot be read.
        """
        for chunk in self._stream(self._stub.Read, _request(path)):
            yield chunk.data

    def write(self, path: str, pieces: Iterable[bytes], mode: int | None = None) -> None:
        """Write a file whole or not at all, its folders included.

        Raises:
            SandboxFileError: it cannot be written.
        """
        new = pb.NewFile(path=os.fsencode(path), mode=mode)
        requests = (pb.WriteRequest(data=piece) for piece in pieces)
        self._send(self._stub.Write, itertools.chain([pb.WriteRequest(file=new)], requests))

    def entries(self, path: str, *, is_recursive: bool) -> Iterator[pb.Entry]:
        """Give what is in a folder.

        Raises:
            SandboxFileError: it cannot be read.
        """
        request = pb.ListRequest(path=os.fsencode(path), is_recursive=is_recursive)
        for listing in self._stream(self._stub.List, request):
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

    def upload(self, path: str, parcels: Iterable[pb.Parcel]) -> None:
        """Write what is in the parcels below a folder, which is made where it is not there.

        Raises:
            SandboxFileError: it cannot be written.
        """
        requests = (pb.UploadRequest(parcel=parcel) for parcel in parcels)
        first = pb.UploadRequest(path=os.fsencode(path))
        self._send(self._stub.Upload, itertools.chain([first], requests))

    def download(self, path: str) -> Iterator[pb.Parcel]:
        """Give what a folder holds, or a file under an empty path.

        Raises:
            SandboxFileError: it cannot be read as a whole.
        """
        return self._stream(self._stub.Download, _request(path))

    def _stream(self, method: Any, request: Any) -> Generator[Any, None, None]:
        events = method(request, metadata=self._metadata)
        with self._translated(), ending(events):
            yield from events

    def _ask(self, method: Any, request: Any) -> None:
        call = method.future(request, metadata=self._metadata)
        with self._translated(), ending(call):
            call.result()

    def _send(self, method: Any, requests: Iterator[Any]) -> None:
        outgoing = _Outgoing(requests)
        call = method.future(outgoing, metadata=self._metadata)
        outgoing.call.set_result(call)
        with outgoing.telling(), self._translated(), ending(call):
            call.result()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except grpc.FutureCancelledError:
            raise errors.CallCancelledError("it was given up") from None
        except grpc.RpcError as error:
            raise self._error(error) from None

    def _error(self, error: grpc.RpcError) -> errors.SeerError:
        current = CURRENT.get()
        if current is not None and current.is_cancelled:
            return errors.CallCancelledError("it was given up")
        metadata: Any = error.trailing_metadata() if isinstance(error, grpc.Call) else None
        problem = dict(metadata or ()).get(PROBLEM)
        if isinstance(problem, bytes):
            return file_error(pb.Problem.FromString(problem))
        return translate(error, self._connection)


class _Outgoing:
    """Requests on their way. What goes wrong in making them gives the call up, and is kept."""

    def __init__(self, requests: Iterator[Any]) -> None:
        self.call: Future[Cancellable] = Future()
        self._requests = requests
        self._error: OSError | None = None

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._requests)
        except OSError as error:
            # First of all: an end of the requests would be the end of what is written.
            self.call.result().cancel()
            self._error = error
            raise StopIteration from None

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Raise what went wrong here in the place of what came of it."""
        try:
            yield
        except errors.SeerError:
            if self._error is not None:
                raise self._error from None
            raise


def cut(data: bytes) -> Iterator[bytes]:
    """Cut data into pieces that go in one message each."""
    view = memoryview(data)
    return (bytes(view[start : start + PIECE]) for start in range(0, len(data), PIECE))


def file_error(problem: pb.Problem) -> errors.SandboxFileError:
    """Give the error that says what `problem` says."""
    path = os.fsdecode(problem.path)
    cls = _ERRORS.get(problem.kind, errors.SandboxFileError)
    hint = _HINTS.get(problem.kind, "")
    error = cls(f"{path!r} in the sandbox: {problem.message}", hint=hint)
    error.path = path
    if isinstance(error, OSError):
        error.errno, error.strerror = NUMBERS[problem.kind], problem.message
        error.filename = path
    return error


def _request(path: str) -> pb.PathRequest:
    return pb.PathRequest(path=os.fsencode(path))
