"""What requests about sessions have in common: what they ask for, and how they are refused."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError

from seer_runtime.kernel.jupyter.executions import Execution
from seer_runtime.kernel.jupyter.notebook import Notebook
from seer_runtime.kernel.jupyter.notebooks import Notebooks

REQUEST = "X-Seer-Request"
"""The header with the id of what is asked for, the same when it is asked for again."""

_LONGEST = 30.0
"""Seconds for which an answer is held back, until there is news."""


class Handler(APIHandler):
    """Answers one request."""

    auth_resource = "kernels"
    notebooks: Notebooks

    def initialize(self, notebooks: Notebooks) -> None:
        """Answer for the notebooks of this server."""
        self.notebooks = notebooks

    async def prepare(self) -> None:
        """Let nobody in who may not, and take what is asked for a use of the sandbox."""
        await super().prepare()
        # Whoever waits for news keeps a copy, or waits for code, whose running is the use.
        if self.current_user is not None and self.wait_seconds() <= 0:
            self.notebooks.use()

    def notebook(self, session_id: str) -> Notebook:
        """Give a session's notebook."""
        found = self.notebooks.find(session_id)
        if found is None:
            raise HTTPError(404, f"no session {session_id!r}", reason="no such session")
        return found

    def execution(self, session_id: str, execution_id: str) -> tuple[Notebook, Execution]:
        """Give one of a session's executions, and whose it is; the session may have just ended."""
        ended = self.notebooks.remembered(session_id)
        for notebook in filter(None, (self.notebooks.find(session_id), ended)):
            if (found := notebook.queue.find(execution_id)) is not None:
                return notebook, found
        self.notebook(session_id)
        raise HTTPError(404, f"no execution {execution_id!r}", reason="no such execution")

    @property
    def given(self) -> dict[str, Any]:
        """What is sent with the request."""
        return self.get_json_body() or {}

    def wait_seconds(self) -> float:
        """Say how long the answer may be held back."""
        return min(float(self.get_argument("wait", "0")), _LONGEST)

    def answer(self, value: Any) -> None:
        """Send it."""
        self.finish(value if isinstance(value, dict) else {"items": value})


def once(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[None]]:
    """Have a method answer with what it gives, and with the same if it is asked for again."""

    @functools.wraps(method)
    async def do(handler: Any, *arguments: str) -> None:
        request_id = handler.request.headers.get(REQUEST, "")
        work = functools.partial(method, handler, *arguments)
        handler.answer(await handler.notebooks.once.do(request_id, work))

    return do


@contextlib.contextmanager
def missing(what: str) -> Iterator[None]:
    """Answer a KeyError of the block by saying that there is no such thing."""
    try:
        yield
    except KeyError as error:
        raise HTTPError(404, f"no {what} {error}", reason=f"no such {what}") from None


@contextlib.contextmanager
def conflicts() -> Iterator[None]:
    """Answer a ValueError of the block by saying what is in the way."""
    try:
        yield
    except ValueError as error:
        raise HTTPError(409, str(error), reason=str(error)) from None
