"""A notebook that runs: its kernel, what waits for that, and the file."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from jupyter_server.serverapp import ServerApp

from seer_runtime.kernel.jupyter.beginning import Beginning
from seer_runtime.kernel.jupyter.document import Document
from seer_runtime.kernel.jupyter.executions import Execution
from seer_runtime.kernel.jupyter.life import Life
from seer_runtime.kernel.jupyter.messages import Messages
from seer_runtime.kernel.jupyter.queue import Queue, Runner

LOOK = 0.25
"""Seconds between two looks whether a kernel lives."""

_LAST_OUTPUT = 5.0
"""Seconds that output may take longer than the answer that belongs to it."""

_ARRIVING = 5.0
"""Seconds that code may take to the kernel: what a person runs may be before it."""

_BEGINNING = 0.2


class Notebook:
    """One notebook. Its code runs piece by piece, in the order in which it was asked for."""

    def __init__(
        self, app: ServerApp, session_id: str, path: str, on_end: Callable[[], None]
    ) -> None:
        """Plan it.

        Args:
            app: The server.
            session_id: What it is called.
            path: Where its file is; begins at the server's folder.
            on_end: Is told when a piece of code is over.

        Raises:
            ValueError: the file is no notebook.
        """
        self.id = session_id
        self.path = path
        self.token_digest = ""
        self.beginning = Beginning()
        self._app = app
        self._folder = Path(app.root_dir, ".outputs", session_id)
        self._on_end = on_end
        self.document = Document(self._file, self._folder)
        self.queue = Queue(Runner(self._run, self._ended, self.document.settle))
        self._life = Life(app)
        self._messages = Messages(self._changed, app.log)
        self._preparation: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._death = ""
        self._is_starting = True
        self._starting = asyncio.Lock()

    async def start(self, beginning: Beginning) -> None:
        """Start the kernel, and have it prepared."""
        await self.document.saved()
        await self._life.start(self.path)
        await self._messages.connect(self._life.kernel)
        self.beginning = beginning
        self._prepare()
        self._is_starting = False
        self.queue.open()
        self._tasks = [asyncio.create_task(self.queue.work()), asyncio.create_task(self._watch())]

    def execute(self, execution_id: str, code: str, hidden: bool, cell_id: str = "") -> Execution:
        """Run code; what is known under that id already does not run again.

        Raises:
            KeyError: there is no such cell.
        """
        known = self.queue.find(execution_id)
        return known or self._new(execution_id, code, hidden, cell_id)

    async def interrupt(self, execution_id: str = "") -> bool:
        """Interrupt what runs, or have a piece of code that waits not run at all."""
        execution = self.queue.find(execution_id)
        if execution is not None and execution.status == "queued":
            execution.fail("KeyboardInterrupt", "it was interrupted before it began")
            self.document.change()
            return True
        running = self.queue.current
        if running is None or (execution_id and running.id != execution_id):
            return False
        if not running.arrived.is_set():
            # A kernel that rests ignores it, and one that has just begun may.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(running.arrived.wait(), _ARRIVING)
            await asyncio.sleep(_BEGINNING)
        if running.is_over:
            return False
        await self._life.interrupt()
        return True

    async def restart(self) -> None:
        """Begin anew, with what the kernel was prepared with.

        Raises:
            RuntimeError: the kernel does not start.
        """
        if self._life.is_known:
            await self._life.restart()
            return
        async with self.restarting():
            await self._life.end()
            await self._life.start(self.path)

    @contextlib.asynccontextmanager
    async def restarting(self) -> AsyncIterator[None]:
        """End what runs while the kernel is restarted, and prepare it afterwards."""
        async with self._starting:
            self._is_starting = True
            self.queue.close()
            try:
                await self._messages.disconnect()
                self._fail_all("KernelRestarted", "the kernel was restarted")
                self._death = "it did not start again"
                yield
                await self._messages.connect(self._life.kernel)
                self._death = ""
                self._prepare()
            finally:
                self._is_starting = False
                # Where it did not start, what waits for it is told.
                self.queue.open()

    async def close(self) -> None:
        """End the kernel; the file stays."""
        for task in self._tasks:
            task.cancel()
        await self._messages.disconnect()
        self._fail_all("KernelEnded", "the session was ended")
        await self._life.end()
        await self.document.close()

    def move(self, path: str) -> None:
        """The file has another name now."""
        self.path = path
        self.document.file = self._file

    def describe(self) -> dict[str, Any]:
        """Say what there is."""
        current = self.queue.current
        return {
            "id": self.id,
            "path": self.path,
            "kernel_id": self.kernel_id,
            "kernel": self._state,
            "problem": self._death,
            "models": self._messages.models or None,
            "libraries": self.beginning.libraries,
            "revision": self.document.revision,
            "preparation": self._preparation,
            "running": current.id if current is not None else None,
            "queued": self.queue.queued,
        }

    @property
    def kernel_id(self) -> str:
        """What Jupyter calls its kernel."""
        return self._life.kernel_id

    @property
    def is_busy(self) -> bool:
        """Whether something runs, or will."""
        return self._is_starting or self.queue.is_busy

    @property
    def _state(self) -> str:
        if self._is_starting:
            return "restarting"
        if self._death:
            return "dead"
        return "busy" if self.is_busy else "idle"

    @property
    def _file(self) -> Path:
        return Path(self._app.root_dir, self.path)

    def _new(
        self,
        execution_id: str,
        code: str,
        hidden: bool,
        cell_id: str = "",
        *,
        is_first: bool = False,
    ) -> Execution:
        execution = Execution(execution_id, code, hidden, self._folder / execution_id)
        execution.cell_id = cell_id
        if not hidden:
            self.document.show(execution)
        self.queue.add(execution, is_first=is_first)
        return execution

    def _prepare(self) -> None:
        """Run the code that belongs to the begin of each kernel."""
        self._preparation = [
            self._new(
                f"{step['id']}-{secrets.token_hex(4)}", step["code"], step["hidden"], is_first=True
            ).id
            for step in self.beginning.steps
        ]

    async def _run(self, execution: Execution) -> None:
        if self._death:
            execution.fail("DeadKernelError", f"the kernel is dead: {self._death}")
            return
        execution.begin()
        self._messages.send(execution)
        answer = asyncio.create_task(execution.answered(_LAST_OUTPUT))
        failure = asyncio.create_task(execution.over.wait())
        await asyncio.wait([answer, failure], return_when=asyncio.FIRST_COMPLETED)
        for task in (answer, failure):
            task.cancel()
        if not execution.is_over:
            execution.finish()

    def _changed(self, execution: Execution) -> None:
        if not execution.hidden:
            self.document.change()

    def _ended(self, execution: Execution) -> None:
        self._changed(execution)
        self._on_end()

    async def _watch(self) -> None:
        """Notice within a moment that the kernel has died."""
        while True:
            await asyncio.sleep(LOOK)
            if self._death or self._is_starting:
                continue
            death = await self._life.death()
            if death and not self._is_starting:
                self._death = death
                self._fail_all("DeadKernelError", f"the kernel died: {death}")

    def _fail_all(self, name: str, message: str) -> None:
        self.queue.fail_all(name, message)
        self.document.change()
