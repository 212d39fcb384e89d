"""The notebooks of one server: which there are, and whether they are used."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from pathlib import Path, PurePath
from typing import NamedTuple

from jupyter_server.serverapp import ServerApp

from seer_runtime.kernel.jupyter.beginning import Beginning
from seer_runtime.kernel.jupyter.notebook import LOOK, Notebook
from seer_runtime.kernel.jupyter.once import Once
from seer_runtime.kernel.jupyter.paths import Paths
from seer_runtime.kernel.jupyter.room import Room

_LAST_WORDS = 1.0
"""Seconds for which the token of a session that has ended is good still."""

_REMEMBERED = 30.0
"""Seconds for which what ran in a session that has ended is known still to whoever waits."""

_KEPT = 1_000
"""Sessions that were ended and can be gone on with."""


class Ended(NamedTuple):
    """What it takes to give a session a kernel again."""

    path: str
    beginning: Beginning
    token_digest: str


class Notebooks:
    """The notebooks of one server."""

    def __init__(self, app: ServerApp) -> None:
        """Begin with none; the front sees by a file when one was last used."""
        self._app = app
        self.folder = Path(app.root_dir)
        self.ended: OrderedDict[str, Ended] = OrderedDict()
        """Sessions that were ended, the newest last."""

        self._by_id: dict[str, Notebook] = {}
        self._remembered: dict[str, Notebook] = {}
        self._beginning: dict[str, asyncio.Event] = {}
        self.promised: set[str] = set()
        """Paths of copies that are being made."""

        self.once = Once()
        self._room = Room()
        self._paths = Paths()
        self._used = Path(app.config.Seer.used)
        self._watching: asyncio.Task[None] | None = None

    def find(self, session_id: str) -> Notebook | None:
        """Give the one with that id."""
        return self._by_id.get(session_id)

    def remembered(self, session_id: str) -> Notebook | None:
        """Give the one that ended just now and had that id."""
        return self._remembered.get(session_id)

    def at(self, path: str) -> Notebook | None:
        """Give the one whose file that is."""
        path = path.strip("/")
        return next((each for each in self._by_id.values() if each.path == path), None)

    def below(self, path: str) -> list[Notebook]:
        """Give those whose file that is, or is in the folder that it is."""
        return [each for each in self._by_id.values() if PurePath(each.path).is_relative_to(path)]

    def of_kernel(self, kernel_id: str) -> Notebook | None:
        """Give the one whose kernel that is."""
        return next((each for each in self._by_id.values() if each.kernel_id == kernel_id), None)

    def all(self) -> list[Notebook]:
        """Give all of them."""
        return list(self._by_id.values())

    async def create(
        self, session_id: str, path: str, beginning: Beginning, token_digest: str
    ) -> Notebook:
        """Start one, with a token that lets in; one that is there under that id already, it is.

        Raises:
            ValueError: another one has that file, or it is no notebook.
        """
        if (there := await self.begun(session_id)) is not None:
            return there
        path = self._paths.find(session_id, path)
        if self.at(path) is not None:
            raise ValueError(f"{path} is another session's")
        Path(self._app.root_dir, path).parent.mkdir(parents=True, exist_ok=True)
        self._watching = self._watching or asyncio.create_task(self._watch())
        notebook = Notebook(self._app, session_id, path, self._room.make)
        self._by_id[session_id] = notebook
        begun = self._beginning[session_id] = asyncio.Event()
        self._room.add(notebook.document, notebook.queue)
        try:
            await notebook.start(beginning)
            if self.find(session_id) is not notebook:
                raise ValueError("the session was ended before it had begun")
            self._admit(notebook, token_digest)
        except BaseException:
            await self.close(notebook)
            raise
        finally:
            del self._beginning[session_id]
            begun.set()
        return notebook

    async def begun(self, session_id: str) -> Notebook | None:
        """Give the one with that id, once it has begun; None where there is none."""
        while (beginning := self._beginning.get(session_id)) is not None:
            await beginning.wait()
        return self.find(session_id)

    def move(self, notebook: Notebook, path: str) -> None:
        """Note that a notebook's file has another name."""
        notebook.move(path)
        self._paths.note(notebook.id, path)

    def use(self) -> None:
        """Note that somebody needs the sandbox."""
        with contextlib.suppress(OSError):
            self._used.touch()

    def _admit(self, notebook: Notebook, token_digest: str) -> None:
        """Let in who has that token, now that it runs."""
        self.ended.pop(notebook.id, None)
        self._paths.note(notebook.id, notebook.path)
        notebook.token_digest = token_digest
        self._app.identity_provider.admit(token_digest)

    async def _watch(self) -> None:
        while True:
            if self._is_busy:
                self.use()
            await asyncio.sleep(LOOK)

    @property
    def _is_busy(self) -> bool:
        """Whether any code runs, whoever runs it: a person has it run without a notebook here."""
        kernels = self._app.kernel_manager
        return any(each.is_busy for each in self.all()) or any(
            getattr(kernels.get_kernel(each), "execution_state", "") == "busy"
            for each in kernels.list_kernel_ids()
        )

    async def close(self, notebook: Notebook) -> None:
        """End one."""
        self._by_id.pop(notebook.id, None)
        self._paths.forget(notebook.id)
        self._room.remove(notebook.document, notebook.queue)
        self._note_end(notebook)
        self._remembered[notebook.id] = notebook
        await notebook.close()
        loop = asyncio.get_running_loop()
        # Whoever asked for the end may not have heard of it, and ask again.
        loop.call_later(_LAST_WORDS, self._revoke, notebook.token_digest)
        loop.call_later(_REMEMBERED, self._forget, notebook)

    def _note_end(self, notebook: Notebook) -> None:
        if notebook.token_digest:
            self.ended[notebook.id] = Ended(
                notebook.path, notebook.beginning, notebook.token_digest
            )
        if len(self.ended) > _KEPT:
            self.ended.popitem(last=False)

    def _forget(self, notebook: Notebook) -> None:
        if self._remembered.get(notebook.id) is notebook:
            del self._remembered[notebook.id]

    def _revoke(self, digest: str) -> None:
        """Let a token in no more, unless it is that of a session again."""
        if all(each.token_digest != digest for each in self.all()):
            self._app.identity_provider.revoke(digest)
