"""Workers as the front sees them: processes, sockets, exit statuses, and what they leave behind."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping

from seer_runtime.front.log import BoundedLog, LastLine
from seer_runtime.wire.frames import HEADER, parse_header
from seer_runtime.wire.marks import MARK, kill_marked

_DRAIN = 0.2
"""Seconds to read what a worker sent before it died, where something else holds its pipes."""


class WorkerLink:
    """One socket to a worker: whole frames, as bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take over the socket."""
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, connection: socket.socket) -> WorkerLink:
        """Open the link over a connected socket."""
        return cls(*await asyncio.open_unix_connection(sock=connection))

    def send(self, frame: bytes) -> None:
        """Send the bytes of a frame; a worker that is gone is noticed by `receive`."""
        self._writer.write(frame)

    async def receive(self) -> bytes | None:
        """Give the bytes of the next frame, or None where the worker is gone.

        Raises:
            FrameError: it sent something else.
        """
        try:
            header = await self._reader.readexactly(HEADER.size)
            rest = await self._reader.readexactly(parse_header(header).rest_length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return header + rest

    def close(self) -> None:
        """End what is sent; what was received can still be read."""
        self._writer.close()

    def abort(self) -> None:
        """End everything."""
        self._writer.transport.abort()


class WorkerProcess:
    """A running worker. Its output goes to the log, line by line."""

    def __init__(
        self,
        process: Process,
        mark: str,
        calls: WorkerLink,
        requests: WorkerLink,
        output: LastLine,
        following: asyncio.Task[None],
    ) -> None:
        """Use `WorkerHost.spawn`."""
        self.output = output
        self.calls = calls
        """Calls, and the answers of the main thread."""
        self.requests = requests
        """Cancellations, and the answers of the thread that takes them."""
        self._process = process
        self._mark = mark
        self._following = following
        self._exit = asyncio.create_task(process.wait())
        # A process that the worker forked may hold the sockets open after its death.
        self._exit.add_done_callback(lambda _: self._after_exit())

    def kill(self) -> None:
        """End the process at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self, grace: float) -> int:
        """End the process and all that it started; give its exit status once its output is read.

        `grace` is the number of seconds that it gets to end by itself.
        """
        self.calls.close()
        self.requests.close()
        await asyncio.wait([self._exit], timeout=grace)
        if not self._exit.done():
            self.kill()
        code = await self._exit
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await asyncio.to_thread(kill_marked, self._mark)
        await asyncio.wait([self._following], timeout=_DRAIN)
        self._following.cancel()
        return code

    def _after_exit(self) -> None:
        for link in (self.calls, self.requests):
            asyncio.get_running_loop().call_later(_DRAIN, link.abort)


class WorkerHost:
    """Starts a sandbox's workers."""

    def __init__(
        self, sandbox_id: str, environment: Mapping[str, str], directory: str, log: BoundedLog
    ) -> None:
        """Run workers in `directory` with nothing but `environment`."""
        self._sandbox_id = sandbox_id
        self._environment = {
            **environment,
            "PYTHONUNBUFFERED": "1",
            # Compiled files are told from their source by its size and second: an interface that
            # is served anew within one second would run as it was.
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._directory = directory
        self._log = log
        self._numbers = itertools.count(1)

    async def spawn(self) -> WorkerProcess:
        """Start a worker, which waits for the interface that it is to load.

        Raises:
            OSError: the system has no room for it.
        """
        mark = f"{self._sandbox_id}/{next(self._numbers)}/"
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            pairs = [socket.socketpair(), socket.socketpair()]
            for near, far in pairs:
                ours.enter_context(near)
                theirs.enter_context(far)
            reading, writing = os.pipe()
            output = ours.enter_context(os.fdopen(reading, "rb", 0))
            target = theirs.enter_context(os.fdopen(writing, "wb", 0))
            descriptors = [far.fileno() for _, far in pairs]
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "seer_runtime.worker"),
                *map(str, (*descriptors, os.getpid())),
                pass_fds=descriptors,
                stdin=asyncio.subprocess.DEVNULL,
                # Not asyncio's own pipe: it would wait for whoever else holds the output.
                stdout=target,
                stderr=target,
                env={**self._environment, MARK: mark},
                cwd=self._directory,
                start_new_session=True,
            )
            ours.pop_all()
        calls, requests = [await WorkerLink.over(near) for near, _ in pairs]
        last = LastLine()
        following = asyncio.create_task(self._log.follow(output, last))
        return WorkerProcess(process, mark, calls, requests, last, following)
