"""Notebook sessions for asyncio: what blocks is a coroutine here, under the same names.

from seer_rpc.environment import aio
from seer_rpc.execution.aio import create_notebook_session

async with aio.Sandbox(SandboxConfig()) as sandbox:
    session = await create_notebook_session(sandbox)
    print(await session.exec("6 * 7"))

To cancel a coroutine ends the wait alone: code runs on in the kernel, unless `interrupt()` ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from functools import partial
from pathlib import Path
from typing import Any

from seer_rpc.environment import aio
from seer_rpc.environment.threads import in_thread
from seer_rpc.environment.twins import twin
from seer_rpc.execution import cells as blocking_cells
from seer_rpc.execution import copies
from seer_rpc.execution import notebook as blocking
from seer_rpc.execution import notebook_client as blocking_client
from seer_rpc.workspace import Workspace


class Execution:
    """Code that was given to a kernel. Arguments and errors are those of `sync`."""

    def __init__(self, execution: blocking_cells.Execution) -> None:
        """Wait for it in coroutines."""
        self.sync = execution
        """The execution itself, whose methods block."""

    @property
    def id(self) -> str:
        """Its id."""
        return self.sync.id

    @property
    def status(self) -> blocking_cells.Status:
        """How it stands, as was last heard."""
        return self.sync.status

    @property
    def is_over(self) -> bool:
        """Whether it has ended, as was last heard."""
        return self.sync.is_over

    @property
    def result(self) -> blocking_cells.CellResult:
        """What it has put out, as was last heard."""
        return self.sync.result

    refresh = twin(blocking_cells.Execution.refresh)
    wait = twin(blocking_cells.Execution.wait)
    check = twin(blocking_cells.Execution.check)


class NotebookClient:
    """A notebook session. Arguments and errors are those of `sync`."""

    def __init__(self, session: blocking_client.NotebookClient) -> None:
        """Use a session from coroutines."""
        self.sync = session
        """The session itself, whose methods block."""

    def __repr__(self) -> str:
        """Show it without what lets in."""
        return f"aio.{self.sync!r}"

    @property
    def session_id(self) -> str:
        """What no other session has."""
        return self.sync.session_id

    @property
    def jupyter_url(self) -> str:
        """Where it is, and what lets in."""
        return self.sync.jupyter_url

    @property
    def notebook_file(self) -> Path | None:
        """Where the copy of the notebook is on this machine."""
        return self.sync.notebook_file

    @property
    def copy_problem(self) -> str:
        """Why the copy of the notebook is not what that is; empty as long as it is."""
        return self.sync.copy_problem

    @property
    def last_notebook_path(self) -> str:
        """Where the notebook was in the sandbox when that was last asked."""
        return self.sync.last_notebook_path

    @property
    def model_info_text(self) -> Awaitable[str]:
        """What models its kernel has in which variables: to be awaited, as the server is asked."""
        return in_thread(lambda: self.sync.model_info_text)

    @property
    def notebook_path(self) -> Awaitable[str]:
        """Where the notebook is in the sandbox: to be awaited, as the server is asked."""
        return in_thread(lambda: self.sync.notebook_path)

    def execution(self, execution_id: str) -> Execution:
        """Give code that was started, by whomever."""
        return Execution(self.sync.execution(execution_id))

    async def start(self, code: str, *, hidden: bool = False, cell_id: str = "") -> Execution:
        """Have code run, and do not wait for it."""
        return Execution(await in_thread(self.sync.start, code, hidden=hidden, cell_id=cell_id))

    info = twin(blocking_client.NotebookClient.info)
    exec = twin(blocking_client.NotebookClient.exec)
    exec_file = twin(blocking_client.NotebookClient.exec_file)
    add_markdown = twin(blocking_client.NotebookClient.add_markdown)
    edit_cell = twin(blocking_client.NotebookClient.edit_cell)
    remove_cell = twin(blocking_client.NotebookClient.remove_cell)
    notebook = twin(blocking_client.NotebookClient.notebook)
    interrupt = twin(blocking_client.NotebookClient.interrupt)
    restart = twin(blocking_client.NotebookClient.restart)
    prepared = twin(blocking_client.NotebookClient.prepared)
    detach = twin(blocking_client.NotebookClient.detach)
    end = twin(blocking_client.NotebookClient.end)


class NotebookSession(NotebookClient):
    """A notebook session and the sandbox that it runs in."""

    sync: blocking.NotebookSession

    def __init__(self, session: blocking.NotebookSession, sandbox: aio.Sandbox) -> None:
        """Use `create_notebook_session`."""
        super().__init__(session)
        self.sandbox = sandbox

    @property
    def mcp_config(self) -> Awaitable[dict[str, Any]]:
        """An MCP server whose tools work in this session: to be awaited, as the server is asked."""
        return in_thread(lambda: self.sync.mcp_config)

    setup = twin(blocking.NotebookSession.setup)
    resume = twin(blocking.NotebookSession.resume)
    end = twin(blocking.NotebookSession.end)
    terminate = twin(blocking.NotebookSession.terminate)


async def create_notebook_session(
    sandbox: aio.Sandbox,
    workspace: Workspace | None = None,
    name: str | None = None,
    *,
    notebook_dir: str | Path | None = None,
    keep: bool = True,
) -> NotebookSession:
    """Start a kernel with the sandbox's models in its variables, and a notebook.

    Arguments and errors are those of `seer_rpc.execution.create_notebook_session`. Where this is
    cancelled, there is no kernel and no session, and the sandbox is as it was.
    """
    made: list[blocking.NotebookSession] = []

    def create() -> None:
        made.append(
            blocking.create_notebook_session(
                sandbox.sync, workspace, name, notebook_dir=notebook_dir, keep=False
            )
        )

    try:
        await in_thread(create)
        if keep:
            await sandbox.release()
    except asyncio.CancelledError:
        for each in made:
            await in_thread(each.end)
        raise
    return NotebookSession(made[0], sandbox)


async def resume_notebook_session(
    session_id: str, jupyter_url: str, *, notebook_dir: str | Path | None = None
) -> NotebookClient:
    """Give a session that was ended a kernel again, and attach to it.

    Arguments and errors are those of `seer_rpc.execution.resume_notebook_session`.
    """
    resume = partial(copies.resume_notebook_session, notebook_dir=notebook_dir)
    return NotebookClient(await in_thread(resume, session_id, jupyter_url))


async def fork_notebook_session(
    session: NotebookClient, name: str, *, notebook_dir: str | Path | None = None
) -> NotebookClient:
    """Begin a session with a copy of a notebook, in the same sandbox, and attach to it.

    Arguments and errors are those of `seer_rpc.execution.fork_notebook_session`.
    """
    fork = partial(copies.fork_notebook_session, notebook_dir=notebook_dir)
    return NotebookClient(await in_thread(fork, session.sync, name))


async def attach_notebook_session(
    session_id: str, jupyter_url: str, *, notebook_dir: str | Path | None = None
) -> NotebookClient:
    """Attach to a session that runs.

    Arguments and errors are those of `seer_rpc.execution.attach_notebook_session`.
    """
    return NotebookClient(
        await in_thread(
            blocking_client.attach_notebook_session,
            session_id,
            jupyter_url,
            notebook_dir=notebook_dir,
        )
    )
