"""Notebooks that run: for each a kernel, what waits for it, and the one who writes the file."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import signal
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import zmq
from jupyter_server.serverapp import ServerApp
from traitlets.config import Config

from seer_runtime.kernel.jupyter.document import Document
from seer_runtime.kernel.jupyter.executions import Execution
from seer_runtime.kernel.jupyter.kernels import NAME
from seer_runtime.kernel.jupyter.outputs import Fixed

MODELS = "application/vnd.seer.models+json"
"""The kind of display with which a kernel says what models it has."""

_LOOK = 0.25
"""Seconds between two looks whether a kernel lives."""

_READY = 120.0
_LAST_OUTPUT = 5.0
"""Seconds that output may take longer than the answer that belongs to it."""

_ARRIVING = 5.0
"""Seconds that code may take to the kernel: what a person runs may be before it."""

_BEGINNING = 0.2
_KEPT = 500
"""Executions that are over and known still."""


class Notebook:
    """One notebook. Its code runs piece by piece, in the order in which it was asked for."""

    def __init__(self, app: ServerApp, session_id: str, path: str) -> None:
        """Plan it; `path` begins at the server's folder."""
        self.id = session_id
        self.path = path
        self.kernel_id = ""
        self.models: Mapping[str, Any] = {}
        self.document = Document(self._file(app))
        self.executions: OrderedDict[str, Execution] = OrderedDict()
        self._app = app
        self._folder = Path(app.root_dir, ".outputs", session_id)
        self.steps: Sequence[Mapping[str, Any]] = ()
        self._preparation: list[str] = []
        self._waiting: asyncio.PriorityQueue[tuple[bool, int, Execution]] = asyncio.PriorityQueue()
        """What a kernel begins with comes first, the rest as it was asked for."""

        self._numbers = itertools.count()
        self._by_message: OrderedDict[str, Execution] = OrderedDict()
        self._displays: dict[str, list[tuple[Execution, Fixed]]] = {}
        self._client: Any = None
        self._readers: list[asyncio.Task[None]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._current: Execution | None = None
        self._death = ""
        self._is_starting = True
        self._starting = asyncio.Lock()
        self._is_ready = asyncio.Event()

    async def start(self, steps: Sequence[Mapping[str, Any]]) -> None:
        """Start the kernel, and have it prepared."""
        await self.document.saved()
        await self._start_kernel()
        await self._connect()
        self.steps = steps
        self._prepare()
        self._is_starting = False
        self._tasks = [asyncio.create_task(self._work()), asyncio.create_task(self._watch())]

    def execute(self, execution_id: str, code: str, hidden: bool, cell_id: str = "") -> Execution:
        """Run code; what is known under that id already does not run again.

        Raises:
            KeyError: there is no such cell.
        """
        known = self.executions.get(execution_id)
        return known or self._new(execution_id, code, hidden, cell_id)

    async def interrupt(self, execution_id: str = "") -> bool:
        """Interrupt what runs, or have a piece of code that waits not run at all."""
        execution = self.executions.get(execution_id)
        if execution is not None and execution.status == "queued":
            execution.fail("KeyboardInterrupt", "it was interrupted before it began")
            self.document.change()
            return True
        running = self._current
        if running is None or (execution_id and running.id != execution_id):
            return False
        if not running.arrived.is_set():
            # A kernel that rests ignores it, and one that has just begun may.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(running.arrived.wait(), _ARRIVING)
            await asyncio.sleep(_BEGINNING)
        if running.is_over:
            return False
        await self._kernel().interrupt_kernel()
        return True

    async def restart(self) -> None:
        """Begin anew, with what the kernel was prepared with.

        Raises:
            RuntimeError: the kernel does not start.
        """
        if self._has_kernel:
            await self._app.kernel_manager.restart_kernel(self.kernel_id, now=True)
            return
        async with self.restarting():
            await self._forget_kernel()
            await self._start_kernel()

    @contextlib.asynccontextmanager
    async def restarting(self) -> AsyncIterator[None]:
        """End what runs while the kernel is restarted, and prepare it afterwards."""
        async with self._starting:
            self._is_starting = True
            self._is_ready.clear()
            try:
                await self._disconnect()
                self._fail_all("KernelRestarted", "the kernel was restarted")
                self._death = "it did not start again"
                yield
                self.models = {}
                self._displays.clear()
                await self._connect()
                self._death = ""
                self._prepare()
            finally:
                self._is_starting = False
                # Where it did not start, what waits for it is told.
                self._is_ready.set()

    async def close(self) -> None:
        """End the kernel; the file stays."""
        for task in self._tasks:
            task.cancel()
        await self._disconnect()
        self._fail_all("KernelEnded", "the session was ended")
        await self._forget_kernel()
        await self.document.close()

    def move(self, path: str) -> None:
        """The file has another name now."""
        self.path = path
        self.document.file = self._file(self._app)

    def describe(self) -> dict[str, Any]:
        """Say what there is."""
        return {
            "id": self.id,
            "path": self.path,
            "kernel_id": self.kernel_id,
            "kernel": self._state,
            "problem": self._death,
            "models": self.models or None,
            "revision": self.document.revision,
            "preparation": self._preparation,
            "running": self._current.id if self._current is not None else None,
            "queued": [each.id for each in self.executions.values() if each.status == "queued"],
        }

    @property
    def is_busy(self) -> bool:
        """Whether something runs, or will."""
        return self._is_starting or self._current is not None or not self._waiting.empty()

    @property
    def _state(self) -> str:
        if self._is_starting:
            return "restarting"
        if self._death:
            return "dead"
        return "busy" if self.is_busy else "idle"

    def _file(self, app: ServerApp) -> Path:
        return Path(app.root_dir, self.path)

    @property
    def _has_kernel(self) -> bool:
        """Whether Jupyter has it still, dead or alive: a person can shut it down."""
        return self.kernel_id in self._app.kernel_manager

    def _kernel(self) -> Any:
        return self._app.kernel_manager.get_kernel(self.kernel_id)

    async def _start_kernel(self) -> None:
        session = await self._app.session_manager.create_session(
            path=self.path, name=Path(self.path).name, type="notebook", kernel_name=NAME
        )
        self.kernel_id = session["kernel"]["id"]
        self._jupyter_session = session["id"]

    async def _forget_kernel(self) -> None:
        # It may be gone already, or not have come to be.
        with contextlib.suppress(Exception):
            await self._app.session_manager.delete_session(self._jupyter_session)

    def _new(
        self, execution_id: str, code: str, hidden: bool, cell_id: str = "", *, is_late: bool = True
    ) -> Execution:
        execution = Execution(execution_id, code, hidden, self._folder / execution_id)
        execution.cell_id = cell_id
        if not hidden:
            self.document.show(execution)
        self.executions[execution_id] = execution
        self._waiting.put_nowait((is_late, next(self._numbers), execution))
        for old in list(self.executions.values())[:-_KEPT]:
            if old.is_over:
                del self.executions[old.id]
        return execution

    def _prepare(self) -> None:
        """Run the code that belongs to the begin of each kernel."""
        self._preparation = [
            self._new(
                f"{step['id']}-{secrets.token_hex(4)}", step["code"], step["hidden"], is_late=False
            ).id
            for step in self.steps
        ]

    async def _work(self) -> None:
        while True:
            await self._is_ready.wait()
            waiting = await self._waiting.get()
            if not self._is_ready.is_set():
                # The kernel is restarted, and what that begins with is not there yet.
                self._waiting.put_nowait(waiting)
                continue
            *_, execution = waiting
            if not execution.is_over:
                self._current = execution
                try:
                    await self._run(execution)
                except Exception as error:  # noqa: BLE001 - what waits behind it is to run
                    execution.fail(type(error).__name__, str(error), "error")
                self._current = None
            if not execution.hidden:
                self.document.change()

    async def _run(self, execution: Execution) -> None:
        if self._death:
            execution.fail("DeadKernelError", f"the kernel is dead: {self._death}")
            return
        execution.begin()
        message = self._client.execute(
            execution.code,
            store_history=not execution.hidden,
            allow_stdin=False,
            stop_on_error=False,
        )
        self._by_message[message] = execution
        while len(self._by_message) > _KEPT:
            self._by_message.popitem(last=False)
        answer = asyncio.create_task(execution.answered(_LAST_OUTPUT))
        failure = asyncio.create_task(execution.over.wait())
        await asyncio.wait([answer, failure], return_when=asyncio.FIRST_COMPLETED)
        for task in (answer, failure):
            task.cancel()
        if not execution.is_over:
            execution.finish()

    async def _watch(self) -> None:
        """Notice within a moment that the kernel has died."""
        while True:
            await asyncio.sleep(_LOOK)
            if self._death or self._is_starting:
                continue
            death = await self._look()
            if death and not self._is_starting:
                self._death = death
                self._fail_all("DeadKernelError", f"the kernel died: {death}")

    async def _look(self) -> str:
        """Say what the kernel died of; nothing while it lives."""
        if not self._has_kernel:
            return "it was shut down"
        kernel = self._kernel()
        if await kernel.is_alive():
            return ""
        return _cause(await kernel.provisioner.poll() if kernel.provisioner is not None else None)

    def _fail_all(self, name: str, message: str) -> None:
        for execution in self.executions.values():
            if not execution.is_over:
                execution.fail(name, message)
        self.document.change()

    async def _connect(self) -> None:
        """Listen to the kernel, from its first word on."""
        client = self._client = self._kernel().client(config=Config())
        client.context = self._kernel().context
        client.start_channels(stdin=False, hb=False, control=False)
        # However much it prints: what waits here waits in bounds of its own.
        client.iopub_channel.socket.setsockopt(zmq.RCVHWM, 0)
        await client.wait_for_ready(timeout=_READY)
        self._readers = [
            asyncio.create_task(self._read_replies(client)),
            asyncio.create_task(self._read_output(client)),
        ]
        self._is_ready.set()

    async def _disconnect(self) -> None:
        for task in self._readers:
            task.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        if self._client is not None:
            self._client.stop_channels()
        self._by_message.clear()

    async def _read_replies(self, client: Any) -> None:
        while True:
            message = await client.get_shell_msg()
            execution = self._by_message.get(message["parent_header"].get("msg_id"))
            if execution is not None and message["msg_type"] == "execute_reply":
                execution.reply(message["content"])

    async def _read_output(self, client: Any) -> None:
        while True:
            message = await client.get_iopub_msg()
            try:
                self._take(message["parent_header"].get("msg_id"), message["msg_type"], message)
            except (KeyError, TypeError, ValueError):
                # Code can send messages of its own.
                self._app.log.exception("a kernel sent what nobody understands")

    def _take(self, parent: str, kind: str, message: Mapping[str, Any]) -> None:
        content = message["content"]
        if kind == "update_display_data":
            self._update(content)
            return
        execution = self._by_message.get(parent)
        if execution is None:
            return
        if kind == "status":
            if content["execution_state"] == "idle":
                execution.idle()
            return
        if kind == "display_data" and MODELS in content["data"]:
            self.models = content["data"][MODELS]
            return
        display = execution.apply(kind, content)
        name = content.get("transient", {}).get("display_id")
        if display is not None and name:
            self._displays.setdefault(name, []).append((execution, display))
        if not execution.hidden:
            self.document.change()

    def _update(self, content: Mapping[str, Any]) -> None:
        """Show something else wherever a display is shown."""
        for execution, display in self._displays.get(content["transient"]["display_id"], ()):
            news = {"data": content["data"], "metadata": content.get("metadata", {})}
            execution.outputs.update(display, news)
            execution.notify()
        self.document.change()


class Notebooks:
    """The notebooks of one server."""

    def __init__(self, app: ServerApp) -> None:
        """Begin with none; the front sees by a file when one was last used."""
        self._app = app
        self.folder = Path(app.root_dir)
        self.ended: dict[str, tuple[str, Sequence[Mapping[str, Any]]]] = {}
        """The notebooks of sessions that were ended, and what their kernels began with."""

        self._by_id: dict[str, Notebook] = {}
        self._used = Path(app.config.Seer.used)
        self._watching: asyncio.Task[None] | None = None

    def find(self, session_id: str) -> Notebook | None:
        """Give the one with that id."""
        return self._by_id.get(session_id)

    def at(self, path: str) -> Notebook | None:
        """Give the one whose file that is."""
        path = path.strip("/")
        return next((each for each in self._by_id.values() if each.path == path), None)

    def of_kernel(self, kernel_id: str) -> Notebook | None:
        """Give the one whose kernel that is."""
        return next((each for each in self._by_id.values() if each.kernel_id == kernel_id), None)

    def all(self) -> list[Notebook]:
        """Give all of them."""
        return list(self._by_id.values())

    async def create(
        self, session_id: str, path: str, steps: Sequence[Mapping[str, Any]]
    ) -> Notebook:
        """Start one; where there is one with that id already, it is that.

        Raises:
            ValueError: another one has that file, or it is no notebook.
        """
        if session_id in self._by_id:
            return self._by_id[session_id]
        if self.at(path) is not None:
            raise ValueError(f"{path} is another session's")
        Path(self._app.root_dir, path).parent.mkdir(parents=True, exist_ok=True)
        self._watching = self._watching or asyncio.create_task(self._watch())
        notebook = self._by_id[session_id] = Notebook(self._app, session_id, path)
        try:
            await notebook.start(steps)
        except BaseException:
            await self.close(notebook)
            raise
        return notebook

    def use(self) -> None:
        """Note that somebody needs the sandbox."""
        with contextlib.suppress(OSError):
            self._used.touch()

    async def _watch(self) -> None:
        while True:
            if any(each.is_busy for each in self._by_id.values()):
                self.use()
            await asyncio.sleep(_LOOK)

    async def close(self, notebook: Notebook) -> None:
        """End one."""
        self._by_id.pop(notebook.id, None)
        self.ended[notebook.id] = notebook.path, notebook.steps
        await notebook.close()


def _cause(code: int | None) -> str:
    if code is None or code >= 0:
        return f"it ended with exit status {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    more = ", as it is for want of memory" if -code == signal.SIGKILL else ""
    return f"it was ended by {name}{more}"
