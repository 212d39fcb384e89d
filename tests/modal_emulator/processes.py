"""Processes of a sandbox: what they write is kept, what they read comes by offset."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from grpclib import GRPCError, Status

from tests.modal_emulator.machine import Machine, Running, Streams

STDOUT, STDERR = 1, 2

_CHUNK = 256 << 10
_LOOK = 0.02
"""Seconds between two looks at what a process has written."""


class Process:
    """An entrypoint, or a command that was executed beside it."""

    def __init__(self, folder: Path) -> None:
        """Keep what it will write in a folder."""
        folder.mkdir(parents=True)
        self.returncode: int | None = None
        self.stdin_offset = 0
        self.ended = asyncio.Event()
        self._outputs = {STDOUT: folder / "stdout", STDERR: folder / "stderr"}
        for file in self._outputs.values():
            file.touch()
        self._stdin: int | None = None
        self._writing = asyncio.Lock()
        self._running: Running | None = None

    def start(
        self, machine: Machine, argv: Sequence[str], environment: Mapping[str, str], folder: str
    ) -> None:
        """Start it; a task of its own waits for its end."""
        theirs, ours = os.pipe()
        outputs = [os.open(file, os.O_WRONLY | os.O_APPEND) for file in self._outputs.values()]
        os.set_blocking(ours, False)
        self._stdin = ours
        try:
            streams = Streams(theirs, *outputs)
            self._running = machine.run(argv, environment, folder, streams)
        finally:
            for descriptor in (theirs, *outputs):
                os.close(descriptor)
        self._waiting = asyncio.create_task(self._wait(self._running))

    @property
    def is_stdin_closed(self) -> bool:
        """Whether it can be sent nothing any more."""
        return self._stdin is None

    def kill(self) -> None:
        """End it, if it has not."""
        if self._running is not None and self.returncode is None:
            self._running.kill()

    async def follow(self, descriptor: int, offset: int) -> AsyncIterator[bytes]:
        """Give what it has written from an offset on, and then what it writes until its end."""
        with self._outputs[descriptor].open("rb") as file:
            file.seek(offset)
            while True:
                # Asked before reading: what was written until its end is then read.
                is_over = self.ended.is_set()
                while data := file.read(_CHUNK):
                    yield data
                if is_over:
                    return
                await asyncio.sleep(_LOOK)

    async def write(self, offset: int, data: bytes, eof: bool) -> None:
        """Write to its standard input; what it has by that offset already is left out."""
        async with self._writing:
            if offset > self.stdin_offset:
                raise GRPCError(Status.FAILED_PRECONDITION, "bytes before this offset are missing")
            fresh = data[self.stdin_offset - offset :]
            self.stdin_offset += len(fresh)
            if self._stdin is not None:
                await _write_all(self._stdin, fresh)
            if eof:
                self._close_stdin()

    def _close_stdin(self) -> None:
        if self._stdin is not None:
            os.close(self._stdin)
            self._stdin = None

    async def wait(self) -> None:
        """Wait until it has ended, if it was ever started."""
        if self._running is not None:
            await self.ended.wait()

    async def _wait(self, running: Running) -> None:
        self.returncode = await running.wait()
        self.ended.set()
        async with self._writing:
            self._close_stdin()


async def _write_all(pipe: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(pipe, left) :]
        except BlockingIOError:
            await _until_writable(pipe)
        except BrokenPipeError:
            # It reads no more; whoever writes learns that from its end.
            return


async def _until_writable(pipe: int) -> None:
    writable, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_writer(pipe, writable.set)
    try:
        await writable.wait()
    finally:
        loop.remove_writer(pipe)
