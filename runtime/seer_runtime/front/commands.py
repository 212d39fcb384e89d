"""Commands that run in the sandbox, and what they print."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TypeAlias

from seer_runtime.front.exits import Coroner
from seer_runtime.front.paths import Paths
from seer_runtime.front.process_trees import end_tree
from seer_runtime.wire.marks import MARK, kill_marked
from seer_runtime.wire.pb.runtime_pb2 import Command, ExecEvent, Exit

_PIECE = 1 << 18
_WAITING = 8
"""Events that wait for the client; a command that prints more waits, too."""

_GRACE = 1.0
"""Seconds from the request to end to the end by force."""

_DRAIN = 0.2
"""Seconds after a command's end in which what it left running may still print."""

_NOT_FOUND, _NOT_RUNNABLE = 127, 126
"""The exit statuses with which shells say so."""

_RUN_PYTHON = (
    '__import__("sys").stdout.reconfigure(line_buffering=True);'
    'exec(compile(open(__import__("sys").argv[1],"rb").read(),__import__("sys").argv.pop(),"exec"))'
)
"""Runs code from a file as if it had been given with -c: modules of the working directory can be
imported, and processes that are spawned do not run it again. Whole lines are printed at once."""

_Wrap: TypeAlias = Callable[[bytes], ExecEvent]


class Commands:
    """Starts a sandbox's commands."""

    def __init__(
        self, sandbox_id: str, environment: Mapping[str, str], paths: Paths, coroner: Coroner
    ) -> None:
        """Run them with `environment` and what each adds; `coroner` says how they ended."""
        self._sandbox_id = sandbox_id
        self._environment = environment
        self._paths = paths
        self._coroner = coroner
        self._numbers = itertools.count(1)

    async def start(self, command: Command) -> Running:
        """Start a command.

        Raises:
            FolderError: it cannot run in its folder.
            OSError: there is no such program, or it cannot be run.
        """
        mark = f"{self._sandbox_id}/c{next(self._numbers)}/"
        environment = {
            **self._environment,
            **{name: os.fsdecode(value) for name, value in command.environment.items()},
            MARK: mark,
        }
        folder = await asyncio.to_thread(self._folder, os.fsdecode(command.folder))
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            script = _script(command)
            if script is not None:
                theirs.callback(os.close, script)
            pipes = [os.pipe() for _ in range(3)]
            pipes[0] = pipes[0][::-1]
            for near, far in pipes:
                ours.callback(os.close, near)
                theirs.callback(os.close, far)
            try:
                process = await asyncio.create_subprocess_exec(
                    *_argv(command, script, environment),
                    stdin=pipes[0][1],
                    stdout=pipes[1][1],
                    stderr=pipes[2][1],
                    pass_fds=[script] if script is not None else [],
                    env=environment,
                    cwd=folder,
                    start_new_session=True,
                )
            except asyncio.CancelledError:
                kill_marked(mark)
                raise
            ours.pop_all()
        stdin, stdout, stderr = (near for near, _ in pipes)
        return Running(
            process, mark, (stdin, stdout, stderr), command.timeout or None, self._coroner
        )

    def _folder(self, path: str) -> str:
        try:
            return self._paths.real(path)
        except OSError as error:
            raise FolderError(path, error) from error


class FolderError(Exception):
    """A command cannot run in its folder."""

    def __init__(self, path: str, error: OSError) -> None:
        """Say which folder, and why."""
        super().__init__(path)
        self.path = path
        self.error = error


class Running:
    """A command that runs."""

    def __init__(
        self,
        process: Process,
        mark: str,
        pipes: tuple[int, int, int],
        timeout: float | None,
        coroner: Coroner,
    ) -> None:
        """Use `Commands.start`."""
        self._coroner = coroner
        self._process = process
        self._mark = mark
        self._input, *outputs = pipes
        for descriptor in pipes:
            os.set_blocking(descriptor, False)
        self._events: asyncio.Queue[ExecEvent] = asyncio.Queue(_WAITING)
        self._silence = asyncio.Event()
        """Set when nothing more is waited for."""
        self._is_over = False
        wraps: tuple[_Wrap, _Wrap] = (
            lambda data: ExecEvent(stdout=data),
            lambda data: ExecEvent(stderr=data),
        )
        self._following = [
            asyncio.create_task(self._follow(descriptor, wrap))
            for descriptor, wrap in zip(outputs, wraps, strict=True)
        ]
        self._watching = asyncio.create_task(self._watch(timeout))

    async def events(self) -> AsyncIterator[ExecEvent]:
        """Give what it prints, and then how it ended."""
        while True:
            event = await self._events.get()
            yield event
            if event.WhichOneof("event") == "exit":
                return

    async def feed(self, data: bytes) -> None:
        """Have it read this; waits until it has read most of it."""
        rest = memoryview(data)
        while rest and self._input >= 0:
            try:
                rest = rest[os.write(self._input, rest) :]
            except BlockingIOError:
                await self._writable()
            except OSError:
                # It does not read any more.
                self.end_input()

    def end_input(self) -> None:
        """Have it find the end of its input."""
        if self._input >= 0:
            asyncio.get_running_loop().remove_writer(self._input)
            os.close(self._input)
            self._input = -1

    def leave(self) -> None:
        """Nobody wants to know any more: end it, if it runs."""
        self.end_input()
        if not self._is_over:
            self._is_over = True
            self._watching.cancel()
            _LEAVING.add(leaving := asyncio.create_task(self._end()))
            leaving.add_done_callback(_LEAVING.discard)
        # Who is kept waiting for room goes on, and throws away what comes.
        while not self._events.empty():
            self._events.get_nowait()

    async def _watch(self, timeout: float | None) -> None:
        """Wait for its end, or see to it; then for its output."""
        exiting = asyncio.ensure_future(self._process.wait())
        await asyncio.wait([exiting], timeout=timeout)
        timed_out = not exiting.done()
        if timed_out:
            await self._end()
        code = await exiting
        cause = "" if timed_out else self._coroner.cause(code)
        asyncio.get_running_loop().call_later(0 if timed_out else _DRAIN, self._silence.set)
        await asyncio.wait(self._following)
        self._is_over = True
        await self._events.put(ExecEvent(exit=Exit(code=code, timed_out=timed_out, cause=cause)))

    async def _end(self) -> None:
        await asyncio.to_thread(end_tree, self._process.pid, self._mark, _GRACE)
        self._silence.set()

    async def _follow(self, descriptor: int, wrap: _Wrap) -> None:
        """Hand on what is printed until everyone has closed the output, or nobody waits for it."""
        while True:
            try:
                data = os.read(descriptor, _PIECE)
            except BlockingIOError:
                if self._silence.is_set():
                    _discard(descriptor)
                    return
                await self._readable(descriptor)
                continue
            if not data:
                os.close(descriptor)
                return
            if not self._is_over:
                await self._events.put(wrap(data))

    async def _readable(self, descriptor: int) -> None:
        """Wait until there is something to read, or nothing more is waited for."""
        loop = asyncio.get_running_loop()
        arrived = asyncio.Event()
        loop.add_reader(descriptor, arrived.set)
        waiting = [asyncio.ensure_future(each.wait()) for each in (arrived, self._silence)]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            loop.remove_reader(descriptor)
            for each in waiting:
                each.cancel()

    async def _writable(self) -> None:
        loop = asyncio.get_running_loop()
        room = asyncio.Event()
        loop.add_writer(self._input, room.set)
        await room.wait()
        if self._input >= 0:
            loop.remove_writer(self._input)


_LEAVING: set[asyncio.Task[None]] = set()
"""Ends that nobody waits for: the loop itself would forget them."""


def not_started(error: OSError, command: Command) -> list[ExecEvent]:
    """Say what a shell says of a program that cannot be run."""
    program = os.fsdecode(command.arguments.values[0]) if command.arguments.values else "command"
    code = _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_RUNNABLE
    text = f"{program}: {error.strerror}\n"
    return [ExecEvent(stderr=os.fsencode(text)), ExecEvent(exit=Exit(code=code))]


def _argv(command: Command, script: int | None, environment: Mapping[str, str]) -> list[bytes]:
    """Give the program and its arguments. Of code they only say where it is."""
    path = environment.get("PATH", os.defpath)
    match command.WhichOneof("program"):
        case "shell":
            shell = shutil.which("bash", path=path) or "/bin/sh"
            return [os.fsencode(each) for each in (shell, f"/dev/fd/{script}")]
        case "python":
            python = shutil.which("python", path=path) or sys.executable
            return [os.fsencode(each) for each in (python, "-c", _RUN_PYTHON, f"/dev/fd/{script}")]
    return list(command.arguments.values)


def _script(command: Command) -> int | None:
    """Give a descriptor of the code that is to run, if there is any."""
    match command.WhichOneof("program"):
        case "shell":
            code = command.shell
        case "python":
            code = command.python
        case _:
            return None
    script = _memory()
    with os.fdopen(os.dup(script), "wb") as stream:
        stream.write(code)
    os.lseek(script, 0, os.SEEK_SET)
    return script


def _memory() -> int:
    if sys.platform == "linux":
        return os.memfd_create("script")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _discard(descriptor: int) -> None:
    """Read on, for what runs on in the background, until everyone has closed the output."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        with contextlib.suppress(BlockingIOError):
            if not os.read(descriptor, _PIECE):
                loop.remove_reader(descriptor)
                os.close(descriptor)

    loop.add_reader(descriptor, read)
