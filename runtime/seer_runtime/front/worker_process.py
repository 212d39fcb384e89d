"""One worker as the front sees it: a process, a socket, an exit status."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Mapping

from seer_runtime.front.log import BoundedLog
from seer_runtime.wire.frames import HEADER, parse_header, rest_length


class WorkerProcess:
    """A running worker. Its output goes to the log, line by line."""

    def __init__(
        self,
        process: Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        following: asyncio.Task[None],
    ) -> None:
        """Use `spawn`."""
        self._process = process
        self._reader = reader
        self._writer = writer
        self._following = following

    @classmethod
    async def spawn(
        cls, environment: Mapping[str, str], directory: str, log: BoundedLog
    ) -> WorkerProcess:
        """Start a worker, which waits for the interface that it is to load."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "seer_runtime.worker"),
                *(str(theirs.fileno()), str(os.getpid())),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                env={**environment, "PYTHONUNBUFFERED": "1"},
                cwd=directory,
            )
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        assert process.stdout is not None
        following = asyncio.create_task(log.follow(process.stdout))
        return cls(process, reader, writer, following)

    def send(self, frame: bytes) -> None:
        """Send the bytes of a frame; a worker that is gone is noticed by `receive`."""
        self._writer.write(frame)

    async def receive(self) -> bytes | None:
        """Give the bytes of the next frame, or None where the worker is gone."""
        try:
            fixed = await self._reader.readexactly(HEADER.size)
            header = parse_header(fixed)
            lengths = await self._reader.readexactly(8 * header.segment_count)
            rest = await self._reader.readexactly(rest_length(header, lengths))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return b"".join((fixed, lengths, rest))

    async def wait(self) -> int:
        """Wait for the process to end and its output to be read; give its exit status."""
        self._writer.close()
        code = await self._process.wait()
        # A process that it left behind may hold the output open.
        await asyncio.wait([self._following], timeout=0.5)
        self._following.cancel()
        return code

    async def stop(self, grace: float) -> None:
        """End the process; `grace` is the number of seconds that it gets to end by itself."""
        self._writer.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), grace)
        if self._process.returncode is None:
            self._process.kill()
        await self.wait()
