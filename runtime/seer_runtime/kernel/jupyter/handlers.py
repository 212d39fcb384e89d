"""What the server answers beside Jupyter's own API: sessions, and code that runs in them."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado.web import HTTPError, authenticated

from seer_runtime.kernel.jupyter import copies
from seer_runtime.kernel.jupyter.beginning import Beginning
from seer_runtime.kernel.jupyter.executions import Execution
from seer_runtime.kernel.jupyter.notebook import Notebook
from seer_runtime.kernel.jupyter.notebooks import Notebooks
from seer_runtime.kernel.jupyter.pages import PAGES, Page

PREFIX = "seer/sessions"
REQUEST = "X-Seer-Request"
"""The header with the id of what is asked for, the same when it is asked for again."""

_LONGEST = 30.0
"""Seconds for which an answer is held back, until there is news."""


class _Handler(APIHandler):
    auth_resource = "kernels"
    notebooks: Notebooks

    def initialize(self, notebooks: Notebooks) -> None:
        self.notebooks = notebooks

    async def prepare(self) -> None:
        """Let nobody in who may not, and take what is asked for a use of the sandbox."""
        await super().prepare()
        if self.current_user is not None:
            self.notebooks.use()

    def notebook(self, session_id: str) -> Notebook:
        found = self.notebooks.find(session_id)
        if found is None:
            raise HTTPError(404, f"no session {session_id!r}", reason="no such session")
        return found

    def execution(self, session_id: str, execution_id: str) -> Execution:
        found = self.notebook(session_id).queue.find(execution_id)
        if found is None:
            raise HTTPError(404, f"no execution {execution_id!r}", reason="no such execution")
        return found

    @property
    def given(self) -> dict[str, Any]:
        return self.get_json_body() or {}

    def wait_seconds(self) -> float:
        return min(float(self.get_argument("wait", "0")), _LONGEST)

    def answer(self, value: Any) -> None:
        self.finish(value if isinstance(value, dict) else {"items": value})


def _once(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[None]]:
    """Have a method answer with what it gives, and with the same if it is asked for again."""

    @functools.wraps(method)
    async def do(handler: Any, *arguments: str) -> None:
        request_id = handler.request.headers.get(REQUEST, "")
        work = functools.partial(method, handler, *arguments)
        handler.answer(await handler.notebooks.once.do(request_id, work))

    return do


class Sessions(_Handler):
    """All sessions."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """List them."""
        self.answer([each.describe() for each in self.notebooks.all()])

    @authenticated
    @authorized
    @_once
    async def post(self) -> Any:
        """Start one."""
        given = self.given
        try:
            notebook = await self.notebooks.create(
                given["id"], given["path"], Beginning.read(given), given["token_digest"]
            )
        except ValueError as error:
            raise HTTPError(409, str(error), reason=str(error)) from None
        return notebook.describe()


class Session(_Handler):
    """One session."""

    @authenticated
    @authorized
    async def get(self, session_id: str) -> None:
        """Describe it."""
        self.answer(self.notebook(session_id).describe())

    @authenticated
    @authorized
    @_once
    async def delete(self, session_id: str) -> Any:
        """End its kernel."""
        await self.notebooks.close(self.notebook(session_id))
        return {}


class Preparation(_Handler):
    """What the kernel begins with."""

    @authenticated
    @authorized
    @_once
    async def put(self, session_id: str) -> Any:
        """Have it run after each restart."""
        notebook = self.notebook(session_id)
        notebook.beginning = Beginning.read(self.given)
        return notebook.describe()


class Executions(_Handler):
    """Code to run."""

    @authenticated
    @authorized
    @_once
    async def post(self, session_id: str) -> Any:
        """Run some."""
        given = self.given
        try:
            execution = self.notebook(session_id).execute(
                given["id"], given["code"], bool(given.get("hidden")), given.get("cell_id", "")
            )
        except KeyError as error:
            raise HTTPError(404, f"no cell {error}", reason="no such cell") from None
        return execution.describe()


class OneExecution(_Handler):
    """Code that runs or ran."""

    @authenticated
    @authorized
    async def get(self, session_id: str, execution_id: str) -> None:
        """Say what there is since a version, once there is any or it is over."""
        execution = self.execution(session_id, execution_id)
        since = int(self.get_argument("since", "0"))
        await execution.change(since, self.wait_seconds())
        if execution.is_over and not execution.hidden:
            # Whoever hears so finds it in the file.
            await self.notebook(session_id).document.saved()
        self.answer(execution.describe(since))


class Interruption(_Handler):
    """An end of what runs."""

    @authenticated
    @authorized
    @_once
    async def post(self, session_id: str) -> Any:
        """Interrupt it."""
        told = await self.notebook(session_id).interrupt(self.given.get("execution", ""))
        return {"interrupted": told}


class Restart(_Handler):
    """A new kernel in the place of the old one."""

    @authenticated
    @authorized
    @_once
    async def post(self, session_id: str) -> Any:
        """Start it."""
        notebook = self.notebook(session_id)
        try:
            await notebook.restart()
        except RuntimeError:
            reason = "the kernel does not start: a file in its folder may be in the way of a module"
            raise HTTPError(500, reason=reason) from None
        return notebook.describe()


class Resumption(_Handler):
    """A kernel for a session that was ended: its own token lets in here, and nowhere else."""

    @property
    def own_digest(self) -> str:
        """The digest of that token, or nothing."""
        ended = self.notebooks.ended.get(self.path_args[0])
        return ended.token_digest if ended is not None else ""

    @authenticated
    @authorized
    @_once
    async def post(self, session_id: str) -> Any:
        """Start it."""
        try:
            notebook = await copies.resume(self.notebooks, session_id)
        except KeyError:
            raise HTTPError(404, f"no session {session_id!r}", reason="no such session") from None
        except ValueError as error:
            raise HTTPError(409, str(error), reason=str(error)) from None
        return notebook.describe()


class Fork(_Handler):
    """A session with a copy of the notebook of another."""

    @authenticated
    @authorized
    @_once
    async def post(self, session_id: str) -> Any:
        """Start it."""
        given, source = self.given, self.notebook(session_id)
        try:
            notebook = await copies.fork(
                self.notebooks, source, given["id"], given["path"], given["token_digest"]
            )
        except ValueError as error:
            raise HTTPError(409, str(error), reason=str(error)) from None
        return notebook.describe()


class Cells(_Handler):
    """Cells that do not run."""

    @authenticated
    @authorized
    @_once
    async def post(self, session_id: str) -> Any:
        """Add one with text."""
        document, given = self.notebook(session_id).document, self.given
        cell_id, after = given["id"], given.get("after", "")
        # What is sent twice is added once.
        if not document.has(cell_id):
            try:
                document.add_cell("markdown", given["source"], after, cell_id)
            except KeyError:
                raise HTTPError(404, f"no cell {after!r}", reason="no such cell") from None
        await document.saved()
        return {"cell_id": cell_id}


class Cell(_Handler):
    """One cell."""

    @authenticated
    @authorized
    @_once
    async def patch(self, session_id: str, cell_id: str) -> Any:
        """Change what it says."""
        document = self.notebook(session_id).document
        try:
            document.edit(cell_id, self.given["source"])
        except KeyError:
            raise HTTPError(404, f"no cell {cell_id!r}", reason="no such cell") from None
        await document.saved()
        return {}

    @authenticated
    @authorized
    @_once
    async def delete(self, session_id: str, cell_id: str) -> Any:
        """Remove it."""
        document = self.notebook(session_id).document
        try:
            document.remove(cell_id)
        except KeyError:
            raise HTTPError(404, f"no cell {cell_id!r}", reason="no such cell") from None
        await document.saved()
        return {}


class File(_Handler):
    """The notebook as it is now."""

    @authenticated
    @authorized
    async def get(self, session_id: str) -> None:
        """Give it, once it is not the one of that revision any more."""
        document = self.notebook(session_id).document
        known = int(self.get_argument("revision", "-1"))
        deadline = asyncio.get_running_loop().time() + self.wait_seconds()
        while document.revision == known and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_LOOK)
        news = None if document.revision == known else document.content()
        self.answer({"revision": document.revision, "notebook": news})


_LOOK = 0.1


def routes(base_url: str, notebooks: Notebooks) -> list[tuple[Any, ...]]:
    """Give what is served, and by whom."""
    options = {"notebooks": notebooks}
    one, another = r"/([\w-]+)", r"/([\w-]+)"
    table: dict[str, type[_Handler]] = {
        "": Sessions,
        one: Session,
        f"{one}/preparation": Preparation,
        f"{one}/executions": Executions,
        f"{one}/executions{another}": OneExecution,
        f"{one}/interrupt": Interruption,
        f"{one}/restart": Restart,
        f"{one}/resumption": Resumption,
        f"{one}/fork": Fork,
        f"{one}/cells": Cells,
        f"{one}/cells{another}": Cell,
        f"{one}/notebook": File,
    }
    return [
        (url_path_join(base_url, PREFIX) + path, handler, options)
        for path, handler in table.items()
    ] + [(url_path_join(base_url, PAGES), Page, {"notebooks": notebooks})]
