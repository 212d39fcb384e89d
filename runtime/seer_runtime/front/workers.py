"""Workers as the front sees them: processes, sockets, exit statuses, and what they leave behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Mapping

from seer_runtime.front.log import BoundedLog
from seer_runtime.processes import children, reap
from seer_runtime.wire.frames import HEADER, parse_header, rest_length

_DRAIN = 0.2
"""Seconds to read what a worker sent before it died, where something else holds its socket."""

_REAP_PERIOD = 5.0


class WorkerProcess:
    """A running worker. Its output goes to the log, line by line."""

    def __init__(
        self,
        process: Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        following: asyncio.Task[None],
    ) -> None:
        """Use `WorkerHost.spawn`."""
        self.pid = process.pid
        self._process = process
        self._reader = reader
        self._writer = writer
        self._following = following
        self._exit = asyncio.create_task(process.wait())
        # A process that the worker forked may hold the socket open after its death.
        self._exit.add_done_callback(lambda _: self._after_exit())

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

    async def stop(self, grace: float) -> int:
        """End the process, and give its exit status once its output is read.

        `grace` is the number of seconds that it gets to end by itself.
        """
        self._writer.close()
        await asyncio.wait([self._exit], timeout=grace)
        if not self._exit.done():
            self._process.kill()
        code = await self._exit
        # What it left behind may hold its output open.
        await asyncio.wait([self._following], timeout=_DRAIN)
        self._following.cancel()
        return code

    def _after_exit(self) -> None:
        asyncio.get_running_loop().call_later(_DRAIN, self._writer.transport.abort)


class WorkerHost:
    """Starts workers, and waits for the orphans that they leave."""

    def __init__(self, environment: Mapping[str, str], directory: str, log: BoundedLog) -> None:
        """Run workers in `directory` with nothing but `environment`."""
        self._environment = {**environment, "PYTHONUNBUFFERED": "1"}
        self._directory = directory
        self._log = log
        self._pids: set[int] = set()

    async def spawn(self) -> WorkerProcess:
        """Start a worker, which waits for the interface that it is to load."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "seer_runtime.worker"),
                *(str(theirs.fileno()), str(os.getpid())),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                env=self._environment,
                cwd=self._directory,
            )
        self._pids.add(process.pid)
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        assert process.stdout is not None
        following = asyncio.create_task(self._log.follow(process.stdout))
        return WorkerProcess(process, reader, writer, following)

    async def reap_orphans(self) -> None:
        """Collect the exit statuses of processes that were adopted; runs until cancelled."""
        while True:
            await asyncio.sleep(_REAP_PERIOD)
            for pid in set(children(os.getpid())) - self._pids:
                with contextlib.suppress(ChildProcessError):
                    reap(pid)
