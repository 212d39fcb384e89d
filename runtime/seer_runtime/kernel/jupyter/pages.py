"""Notebooks that are open in JupyterLab: their pages hear what is done to them elsewhere."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from seer_runtime.kernel.jupyter.document import Document
from seer_runtime.kernel.jupyter.notebooks import Notebooks

PAGES = "seer/page"
_LOOK = 0.1


class Page(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """A page, which asks what is new and is answered once anything is.

    It is no use of the sandbox: a page that somebody leaves open is no reason to go on.
    """

    auth_resource = "kernels"

    def initialize(self, notebooks: Notebooks) -> None:
        """Be for one page."""
        self._notebooks = notebooks
        self._answering: asyncio.Task[None] | None = None

    def set_default_headers(self) -> None:
        """Have none of those that belong to pages."""

    @ws_authenticated
    async def get(self) -> None:
        """Let it in."""
        may = self.authorizer.is_authorized(self, self.current_user, "read", self.auth_resource)
        if not (await may if asyncio.iscoroutine(may) else may):
            raise HTTPError(403)
        await super().get()

    def on_message(self, message: str | bytes) -> None:
        """Answer its question, and no earlier one."""
        self.on_close()
        self._answering = asyncio.create_task(self._answer(json.loads(message)))

    def on_close(self) -> None:
        """Nobody waits any more."""
        if self._answering is not None:
            self._answering.cancel()

    async def _answer(self, asked: dict[str, Any]) -> None:
        path, heard = str(asked["path"]), (str(asked["epoch"]), int(asked["revision"]))
        document = self._at(path)
        while document is None or document.is_known(*heard):
            await asyncio.sleep(_LOOK)
            document = self._at(path)
        try:
            await self.write_message(document.news(*heard))
        except WebSocketClosedError:
            return

    def _at(self, path: str) -> Document | None:
        notebook = self._notebooks.at(path)
        return None if notebook is None else notebook.document
