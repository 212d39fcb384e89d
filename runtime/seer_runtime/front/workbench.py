"""The Workbench service: commands and files, for the sandbox's owner."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar

import grpc
import grpc.aio

from seer_runtime.front.commands import Commands, FolderError, Running, not_started
from seer_runtime.front.paths import Paths, split
from seer_runtime.wire import parcels
from seer_runtime.wire.beneath import FOLDER, LISTED, READ, check_regular, opened
from seer_runtime.wire.new_files import NewFile
from seer_runtime.wire.pb import runtime_pb2 as pb
from seer_runtime.wire.pb.runtime_pb2_grpc import WorkbenchServicer
from seer_runtime.wire.problems import PROBLEM, to_problem

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
T = TypeVar("T")


class WorkbenchService(WorkbenchServicer):
    """Runs commands, reads and writes files."""

    def __init__(self, commands: Commands, paths: Paths) -> None:
        """Work with these."""
        self._commands = commands
        self._paths = paths

    async def Exec(  # noqa: N802
        self, requests: AsyncIterator[pb.ExecRequest], context: Context
    ) -> AsyncIterator[pb.ExecEvent]:
        """Run a command; it ends with the call."""
        command = (await anext(requests)).command
        try:
            running = await self._commands.start(command)
        except FolderError as error:
            await _abort(context, error.error, error.path)
        except OSError as error:
            for event in not_started(error, command):
                yield event
        else:
            feeding = asyncio.create_task(_feed(requests, running))
            try:
                async for event in running.events():
                    yield event
            finally:
                feeding.cancel()
                running.leave()

    async def Read(  # noqa: N802
        self, request: pb.PathRequest, context: Context
    ) -> AsyncIterator[pb.Chunk]:
        """Give what a file holds."""
        path = os.fsdecode(request.path)
        async with _telling(context, path):
            async for data in _threaded(self._read(path)):
                yield pb.Chunk(data=data)

    async def Write(  # noqa: N802
        self, requests: AsyncIterator[pb.WriteRequest], context: Context
    ) -> pb.Done:
        """Write a file; one whose request breaks off changes nothing."""
        new = (await anext(requests)).file
        path = os.fsdecode(new.path)
        async with _telling(context, path):
            folder = await asyncio.to_thread(self._paths.folder, split(path)[0])
            with opened(folder):
                file = await asyncio.to_thread(NewFile, folder, split(path)[1])
                try:
                    async for request in requests:
                        await asyncio.to_thread(file.write, request.data)
                    mode = new.mode if new.HasField("mode") else None
                    await asyncio.to_thread(file.commit, mode)
                except BaseException:
                    file.discard()
                    raise
        return pb.Done()

    async def List(  # noqa: N802
        self, request: pb.ListRequest, context: Context
    ) -> AsyncIterator[pb.Listing]:
        """Say what is in a folder."""
        path = os.fsdecode(request.path)
        async with _telling(context, path):
            entries = self._list(path, request.is_recursive)
            async for parcel in _threaded(parcels.parcels(entries)):
                yield pb.Listing(entries=parcel.entries)

    async def MakeFolder(  # noqa: N802
        self, request: pb.PathRequest, context: Context
    ) -> pb.Done:
        """Make a folder and those above it."""
        path = os.fsdecode(request.path)
        async with _telling(context, path):
            os.close(await asyncio.to_thread(self._paths.folder, path))
        return pb.Done()

    async def Remove(self, request: pb.PathRequest, context: Context) -> pb.Done:  # noqa: N802
        """Remove a file, or a folder with what is in it."""
        path = os.fsdecode(request.path)
        async with _telling(context, path):
            await asyncio.to_thread(self._remove, path)
        return pb.Done()

    async def Upload(  # noqa: N802
        self, requests: AsyncIterator[pb.UploadRequest], context: Context
    ) -> pb.Done:
        """Write what comes below a folder."""
        path = os.fsdecode((await anext(requests)).path)
        async with _telling(context, path):
            folder = await asyncio.to_thread(self._paths.folder, path)
            with opened(folder):
                unpacker = parcels.Unpacker(folder)
                try:
                    async for request in requests:
                        await asyncio.to_thread(unpacker.add, request.parcel)
                finally:
                    unpacker.close()
        return pb.Done()

    async def Download(  # noqa: N802
        self, request: pb.PathRequest, context: Context
    ) -> AsyncIterator[pb.Parcel]:
        """Give what a folder holds, or a file."""
        path = os.fsdecode(request.path)
        async with _telling(context, path):
            async for parcel in _threaded(parcels.parcels(self._pack(path))):
                yield parcel

    def _read(self, path: str) -> Iterator[bytes]:
        with opened(self._paths.open(path)) as file:
            check_regular(file, path)
            while data := os.read(file, parcels.PIECE):
                yield data

    def _list(self, path: str, is_recursive: bool) -> Iterator[pb.Entry]:
        with opened(self._paths.open(path, LISTED)) as folder:
            for found in parcels.walk(folder, is_recursive=is_recursive):
                yield found.entry

    def _remove(self, path: str) -> None:
        above, name = split(path)
        if self._paths.is_root(path) or name in ("", ".."):
            raise PermissionError(errno.EPERM, "the sandbox cannot be without this folder")
        with opened(self._paths.open(above, FOLDER)) as folder:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                shutil.rmtree(name, dir_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)

    def _pack(self, path: str) -> Iterator[pb.Entry]:
        with opened(self._paths.open(path, READ)) as source:
            if stat.S_ISDIR(os.fstat(source).st_mode):
                yield from parcels.pack(source)
            else:
                yield from parcels.pack_file(source, "")


async def _feed(requests: AsyncIterator[pb.ExecRequest], running: Running) -> None:
    async for request in requests:
        await running.feed(request.input)
    running.end_input()


async def _threaded(items: Iterator[T]) -> AsyncIterator[T]:
    """Have each item made on a thread."""
    end = object()
    step: Callable[[Iterator[T], object], Any] = next
    while (item := await asyncio.to_thread(step, items, end)) is not end:
        yield item


@asynccontextmanager
async def _telling(context: Context, path: str) -> AsyncIterator[None]:
    """Tell the client of what is wrong with a path."""
    try:
        yield
    except OSError as error:
        await _abort(context, error, path)


async def _abort(context: Context, error: OSError, path: str) -> None:
    problem = to_problem(error, path)
    await context.abort(
        grpc.StatusCode.FAILED_PRECONDITION,
        "the path cannot be used",
        ((PROBLEM, problem.SerializeToString()),),
    )
