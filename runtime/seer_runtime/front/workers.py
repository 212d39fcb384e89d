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
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from seer_runtime.front.exits import Coroner, Exit
from seer_runtime.front.log import BoundedLog, LastLine
from seer_runtime.wire.blocks import BlockPool
from seer_runtime.wire.frames import Frame, FrameError, Kind, encode_frame, pack_numbers
from seer_runtime.wire.ledger import Ledger
from seer_runtime.wire.marks import MARK, kill_marked
from seer_runtime.wire.openings import proof_of
from seer_runtime.wire.sharing import SharedMemory
from seer_runtime.wire.sockets import FrameSocket

_DRAIN = 0.2
"""Seconds to read what a worker sent before it died, where something else holds its pipes."""

_BACKLOG = 256


class WorkerLink:
    """One socket to a worker: frames, and the descriptors of blocks beside them."""

    def __init__(self, connection: socket.socket) -> None:
        """Take over the socket."""
        self.socket = FrameSocket(connection)
        self._loop = asyncio.get_running_loop()
        self._arrived: asyncio.Queue[Frame | Exception] = asyncio.Queue()
        self._unsent: deque[tuple[memoryview, list[int]]] = deque()
        self._is_closed = False
        self._loop.add_reader(self.socket.fileno(), self._read)

    def send(self, frame: bytes, descriptors: list[int] | None = None) -> None:
        """Send the bytes of a frame; a worker that is gone is noticed by `receive`."""
        if self._is_closed:
            return
        # The descriptor may be closed before there is room to send it.
        kept = [os.dup(each) for each in descriptors or ()]
        self._unsent.append((memoryview(frame), kept))
        if len(self._unsent) == 1:
            self._write()

    async def receive(self) -> Frame | None:
        """Give the next frame, or None where the worker is gone.

        Raises:
            FrameError: it sent something else.
        """
        arrived = await self._arrived.get()
        if isinstance(arrived, Frame):
            return arrived
        self._arrived.put_nowait(arrived)
        if isinstance(arrived, FrameError):
            raise arrived
        return None

    def close(self) -> None:
        """End what is sent; what was received can still be read."""
        with contextlib.suppress(OSError):
            self.socket.end_sending()

    def abort(self) -> None:
        """End everything."""
        if not self._is_closed:
            self._read()
        self._end(EOFError())

    def _end(self, error: Exception) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._loop.remove_reader(self.socket.fileno())
        self._loop.remove_writer(self.socket.fileno())
        for _, descriptors in self._unsent:
            _close_all(descriptors)
        self._unsent.clear()
        self.socket.close()
        self._arrived.put_nowait(error)

    def _read(self) -> None:
        try:
            while (frame := self.socket.read()) is not None:
                self._arrived.put_nowait(frame)
        except (EOFError, OSError, FrameError) as error:
            self._end(error)

    def _write(self) -> None:
        try:
            while self._unsent:
                data, descriptors = self._unsent[0]
                sent = self.socket.send_some(data, descriptors)
                if sent:
                    _close_all(descriptors)
                if sent < len(data):
                    self._unsent[0] = data[sent:], [] if sent else descriptors
                    self._loop.add_writer(self.socket.fileno(), self._write)
                    return
                self._unsent.popleft()
        except OSError:
            # Its end is noticed by what reads.
            for _, descriptors in self._unsent:
                _close_all(descriptors)
            self._unsent.clear()
        self._loop.remove_writer(self.socket.fileno())


def _close_all(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
    descriptors.clear()


class Files(NamedTuple):
    """What a worker has on the file system while it lives."""

    socket: str
    ledger: str

    def remove(self) -> None:
        """Remove it."""
        for file in self:
            Path(file).unlink(missing_ok=True)


class WorkerProcess:
    """A running worker. Its output goes to the log, line by line."""

    def __init__(
        self,
        process: Process,
        mark: str,
        links: tuple[WorkerLink, WorkerLink],
        files: Files,
        ledger: Ledger,
        output: LastLine,
        following: asyncio.Task[None],
        memory: BlockPool,
        coroner: Coroner,
    ) -> None:
        """Use `WorkerHost.spawn`."""
        self._coroner = coroner
        self.output = output
        self.ledger = ledger
        self.secret = os.urandom(16)
        """What invitations to its socket are made with."""
        self._calls, self._requests = links
        self.files = files
        self._process = process
        self._mark = mark
        self._following = following
        self._loop = asyncio.get_running_loop()
        self._memory = SharedMemory(memory, self._release)
        self._exit = asyncio.create_task(process.wait())
        # A process that the worker forked may hold the sockets open after its death.
        self._exit.add_done_callback(lambda _: self._after_exit())

    def call(self, frame: Frame) -> None:
        """Have the main thread answer a frame."""
        announced, descriptors = self._memory.announce(frame)
        self._calls.send(encode_frame(announced), descriptors)

    def request(self, frame: Frame) -> None:
        """Have the courier heed a frame."""
        self._requests.send(encode_frame(frame))

    async def answer(self) -> Frame | None:
        """Give the next frame of the main thread, or None where the worker is gone.

        Raises:
            FrameError: it sent something else.
        """
        while (frame := await self._calls.receive()) is not None:
            if frame.kind is not Kind.RELEASE:
                return self._memory.resolve(frame, self._calls.socket.descriptors)
            self._memory.released(frame.body)
        return None

    async def refusal(self) -> Frame | None:
        """Give the next frame of the courier. Raises what `answer` raises."""
        return await self._requests.receive()

    def proof(self, session: bytes) -> bytes:
        """Give what lets a session in at its socket."""
        return proof_of(self.secret, session)

    def kill(self) -> None:
        """End the process at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self, grace: float) -> Exit:
        """End the process and all that it started; give how it ended once its output is read.

        `grace` is the number of seconds that it gets to end by itself.
        """
        self._calls.close()
        self._requests.close()
        await asyncio.wait([self._exit], timeout=grace)
        if not self._exit.done():
            self.kill()
        end = self._coroner.examine(await self._exit)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await asyncio.to_thread(kill_marked, self._mark)
        await asyncio.wait([self._following], timeout=_DRAIN)
        self._following.cancel()
        self.files.remove()
        return end

    def _after_exit(self) -> None:
        asyncio.get_running_loop().call_later(_DRAIN, self._abort)

    def _abort(self) -> None:
        self._calls.abort()
        self._requests.abort()
        self._memory.close()

    def _release(self, number: int) -> None:
        # Whichever thread lets go of the last view says so.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(
                self.request, Frame(Kind.RELEASE, body=pack_numbers([number]))
            )


class WorkerHost:
    """Starts a sandbox's workers."""

    def __init__(
        self,
        sandbox_id: str,
        environment: Mapping[str, str],
        directory: str,
        sockets: str,
        log: BoundedLog,
        journal: str,
        coroner: Coroner,
        python: str = "",
    ) -> None:
        """Run workers in `directory` with nothing but `environment`; `sockets` takes theirs.

        They write into the journal in the folder `journal`, and run with `python`, this process's
        own without one; `coroner` says how they ended.
        """
        self._coroner = coroner
        self._sandbox_id = sandbox_id
        self._environment = {
            **environment,
            "PYTHONUNBUFFERED": "1",
            # Compiled files are told from their source by its size and second: an interface that
            # is served anew within one second would run as it was.
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._directory = directory
        self._sockets = Path(sockets)
        self._log = log
        self._journal = journal
        self._python = python or sys.executable
        self._numbers = itertools.count(1)

    async def spawn(self, memory: BlockPool) -> WorkerProcess:
        """Start a worker, which waits for the interface that it is to load.

        It is lent blocks from `memory`.

        Raises:
            OSError: the system has no room for it.
        """
        number = next(self._numbers)
        mark = f"{self._sandbox_id}/{number}/"
        files = Files(*(str(self._sockets / f"w{number}.{kind}") for kind in ("sock", "calls")))
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            ours.callback(files.remove)
            pairs = [socket.socketpair(), socket.socketpair()]
            for near, far in pairs:
                ours.enter_context(near)
                theirs.enter_context(far)
            listening = theirs.enter_context(_listen(files.socket))
            ledger, written = Ledger.create(files.ledger)
            theirs.callback(os.close, written)
            reading, writing = os.pipe()
            output = ours.enter_context(os.fdopen(reading, "rb", 0))
            target = theirs.enter_context(os.fdopen(writing, "wb", 0))
            descriptors = [*(far.fileno() for _, far in pairs), listening.fileno(), written]
            process = await asyncio.create_subprocess_exec(
                *(self._python, "-P", "-m", "seer_runtime.worker"),
                *map(str, (self._journal, *descriptors, os.getpid())),
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
        calls, requests = [WorkerLink(near) for near, _ in pairs]
        last = LastLine()
        following = asyncio.create_task(self._log.follow(output, last))
        links = calls, requests
        return WorkerProcess(
            process, mark, links, files, ledger, last, following, memory, self._coroner
        )


def _listen(path: str) -> socket.socket:
    """Listen at `path`, for this user alone."""
    listening = socket.socket(socket.AF_UNIX)
    # Not by the umask, which is other threads' too: they make files and folders meanwhile.
    with contextlib.suppress(OSError):
        os.fchmod(listening.fileno(), 0o600)
    listening.bind(path)
    os.chmod(path, 0o600)
    listening.listen(_BACKLOG)
    return listening
