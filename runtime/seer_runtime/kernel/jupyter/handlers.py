"""What the server answers beside Jupyter's own API: sessions, and code that runs in them."""

from __future__ import annotations

import asyncio
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import url_path_join
from tornado.web import HTTPError, authenticated

from seer_runtime.kernel.jupyter import copies
from seer_runtime.kernel.jupyter.beginning import Beginning
from seer_runtime.kernel.jupyter.notebooks import Notebooks
from seer_runtime.kernel.jupyter.pages import PAGES, Page
from seer_runtime.kernel.jupyter.requests import Handler, conflicts, missing, once

PREFIX = "seer/sessions"

_LOOK = 0.1


class Sessions(Handler):
    """All sessions."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """List them."""
        self.answer([each.describe() for each in self.notebooks.all()])

    @authenticated
    @authorized
    @once
    async def post(self) -> Any:
        """Start one."""
        given = self.given
        with conflicts():
            notebook = await self.notebooks.create(
                given["id"], given["path"], Beginning.read(given), given["token_digest"]
            )
        return notebook.describe()


class Session(Handler):
    """One session."""

    @authenticated
    @authorized
    async def get(self, session_id: str) -> None:
        """Describe it."""
        self.answer(self.notebook(session_id).describe())

    @authenticated
    @authorized
    @once
    async def delete(self, session_id: str) -> Any:
        """End its kernel."""
        await self.notebooks.close(self.notebook(session_id))
        return {}


class Preparation(Handler):
    """What the kernel begins with."""

    @authenticated
    @authorized
    @once
    async def put(self, session_id: str) -> Any:
        """Have it run after each restart."""
        notebook = self.notebook(session_id)
        notebook.beginning = Beginning.read(self.given)
        return notebook.describe()


class Executions(Handler):
    """Code to run."""

    @authenticated
    @authorized
    @once
    async def post(self, session_id: str) -> Any:
        """Run some."""
        given = self.given
        with missing("cell"):
            execution = self.notebook(session_id).execute(
                given["id"], given["code"], bool(given.get("hidden")), given.get("cell_id", "")
            )
        return execution.describe()


class OneExecution(Handler):
    """Code that runs or ran; the token of a session that ended just now lets in here, too."""

    @property
    def own_digest(self) -> str:
        """The digest of that token, or nothing."""
        remembered = self.notebooks.remembered(self.path_args[0])
        return remembered.token_digest if remembered is not None else ""

    @authenticated
    @authorized
    async def get(self, session_id: str, execution_id: str) -> None:
        """Say what there is since a version, once there is any or it is over."""
        notebook, execution = self.execution(session_id, execution_id)
        since = int(self.get_argument("since", "0"))
        await execution.change(since, self.wait_seconds())
        if execution.is_over and not execution.hidden:
            # Whoever hears so finds it in the file, also where the session was ended meanwhile.
            await notebook.document.saved()
        self.answer(execution.describe(since))


class Interruption(Handler):
    """An end of what runs."""

    @authenticated
    @authorized
    @once
    async def post(self, session_id: str) -> Any:
        """Interrupt it."""
        told = await self.notebook(session_id).interrupt(self.given.get("execution", ""))
        return {"interrupted": told}


class Restart(Handler):
    """A new kernel in the place of the old one."""

    @authenticated
    @authorized
    @once
    async def post(self, session_id: str) -> Any:
        """Start it."""
        notebook = self.notebook(session_id)
        try:
            await notebook.restart()
        except RuntimeError:
            reason = "the kernel does not start: a file in its folder may be in the way of a module"
            raise HTTPError(500, reason=reason) from None
        return notebook.describe()


class Resumption(Handler):
    """A kernel for a session that was ended: its own token lets in here, and nowhere else."""

    @property
    def own_digest(self) -> str:
        """The digest of that token, or nothing."""
        ended = self.notebooks.ended.get(self.path_args[0])
        return ended.token_digest if ended is not None else ""

    @authenticated
    @authorized
    @once
    async def post(self, session_id: str) -> Any:
        """Start it."""
        with missing("session"), conflicts():
            notebook = await copies.resume(self.notebooks, session_id)
        return notebook.describe()


class Fork(Handler):
    """A session with a copy of the notebook of another."""

    @authenticated
    @authorized
    @once
    async def post(self, session_id: str) -> Any:
        """Start it."""
        given, source = self.given, self.notebook(session_id)
        with conflicts():
            notebook = await copies.fork(
                self.notebooks, source, given["id"], given["path"], given["token_digest"]
            )
        return notebook.describe()


class Cells(Handler):
    """Cells that do not run."""

    @authenticated
    @authorized
    @once
    async def post(self, session_id: str) -> Any:
        """Add one with text."""
        document, given = self.notebook(session_id).document, self.given
        cell_id, after = given["id"], given.get("after", "")
        # What is sent twice is added once.
        if not document.has(cell_id):
            with missing("cell"):
                document.add_cell("markdown", given["source"], after, cell_id)
        await document.saved()
        return {"cell_id": cell_id}


class Cell(Handler):
    """One cell."""

    @authenticated
    @authorized
    @once
    async def patch(self, session_id: str, cell_id: str) -> Any:
        """Change what it says."""
        document = self.notebook(session_id).document
        with missing("cell"):
            document.edit(cell_id, self.given["source"])
        await document.saved()
        return {}

    @authenticated
    @authorized
    @once
    async def delete(self, session_id: str, cell_id: str) -> Any:
        """Remove it."""
        document = self.notebook(session_id).document
        with missing("cell"):
            document.remove(cell_id)
        await document.saved()
        return {}


class File(Handler):
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


def routes(base_url: str, notebooks: Notebooks) -> list[tuple[Any, ...]]:
    """Give what is served, and by whom."""
    options = {"notebooks": notebooks}
    one, another = r"/([\w-]+)", r"/([\w-]+)"
    table: dict[str, type[Handler]] = {
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
