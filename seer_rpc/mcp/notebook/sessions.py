"""The sessions that one server works in."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from seer_rpc.environment import Sandbox, SandboxConfig
from seer_rpc.errors import ConfigError, NotebookError, NotebookMissingError
from seer_rpc.execution import (
    NotebookClient,
    create_notebook_session,
    fork_notebook_session,
    resume_notebook_session,
)
from seer_rpc.execution.file_names import SUFFIX
from seer_rpc.mcp.notebook.here import session_here
from seer_rpc.mcp.notebook.secrets import Secrets

_HOW = (
    "call attach_to_session(session_id=..., jupyter_url=...) with the two values that the set-up "
    "script printed, or start_new_session() for one on this machine; list_sessions() names those "
    "that are known"
)

_ID = re.compile(r"[\w-]{1,64}", re.A)

_LIFETIME = 7 * 24 * 3600.0
"""Seconds that a sandbox of this server's own may run: it ends with the server, and not before."""


class Opening(NamedTuple):
    """What it takes to reach a session."""

    session_id: str
    jupyter_url: str


@dataclass
class Attached:
    """A session that this server works in."""

    client: NotebookClient
    sandbox: Sandbox | None = None
    """The one that was started here for it; None where others see to that."""


class Ended(NamedTuple):
    """A session that was shut down here."""

    jupyter_url: str
    file: Path | None
    """The copy of its notebook, where its sandbox is gone, too."""

    sandbox: Sandbox | None
    """The one that was started here for it, and is there for others still."""


class Sessions:
    """Finds sessions by their ids. Its methods wait for sandboxes: they belong on threads."""

    def __init__(self, notebooks: Path, given: Path | None = None) -> None:
        """Begin with none but the one of the file that is `given`.

        Copies of notebooks are kept in `notebooks`, in a folder for each session.
        """
        self.secrets = Secrets()
        self._notebooks = notebooks
        self._given = given
        self._attached: dict[str, Attached] = {}
        self._ended: dict[str, Ended] = {}
        self._lock = threading.Lock()
        self._is_closed = False

    def find(self, session_id: str) -> NotebookClient:
        """Give a session that is attached.

        Raises:
            NotebookMissingError: it is not.
        """
        known = self._attached.get(session_id)
        if known is not None:
            return known.client
        opening = self._given_opening()
        if opening is not None and opening.session_id == session_id:
            return self.attach(*opening)
        self._check_not_ended(session_id)
        raise NotebookMissingError(f"session {session_id!r} is not attached here", hint=_HOW)

    def attach(self, session_id: str, jupyter_url: str | None = None) -> NotebookClient:
        """Attach to a session that runs; without a URL to one of this machine's.

        Raises:
            NotebookError: it is not there, or does not let in.
        """
        url = self._learned(jupyter_url or self._url_here(session_id))
        known = self._attached.get(session_id)
        if known is not None and known.client.jupyter_url == url:
            known.client.info()
            return known.client
        try:
            client = NotebookClient(session_id, url, notebook_dir=self._folder(session_id))
        except NotebookMissingError:
            self._check_not_ended(session_id)
            raise
        return self._keep(Attached(client, known.sandbox if known else None))

    def start(self, name: str | None = None) -> NotebookClient:
        """Start a sandbox on this machine, and a session in it.

        Raises:
            SeerError: it does not start.
        """
        with self._new_sandbox(name) as sandbox:
            session = create_notebook_session(sandbox, name=name, keep=False)
            return self._with_copy(session, sandbox)

    def resume(self, session_id: str, jupyter_url: str | None = None) -> NotebookClient:
        """Give a session that has no kernel any more another one.

        Raises:
            NotebookError: its kernel runs, or it is not to be had again.
        """
        if session_id in self._attached:
            return self._revived(self._attached[session_id].client)
        ended = self._ended.get(session_id)
        if ended is not None and ended.file is not None:
            return self.resume_file(ended.file)
        url = jupyter_url or (ended.jupyter_url if ended else self._url_here(session_id))
        self._learned(url)
        client = resume_notebook_session(session_id, url, notebook_dir=self._folder(session_id))
        return self._keep(Attached(client, ended.sandbox if ended is not None else None))

    def resume_file(self, file: Path) -> NotebookClient:
        """Go on with a notebook of this machine, in a sandbox of its own.

        Raises:
            ConfigError: there is no notebook.
        """
        if file.suffix != SUFFIX or not file.is_file():
            raise ConfigError(
                f"{file} is no notebook of this machine", hint="give the path of a file.ipynb"
            )
        with self._new_sandbox(file.stem) as sandbox:
            sandbox.upload_file(file, f"/workspace/{file.name}")
            session = create_notebook_session(
                sandbox, name=file.stem, notebook_dir=file.parent, keep=False
            )
            return self._keep(Attached(session, sandbox))

    def fork(self, session_id: str, name: str) -> NotebookClient:
        """Begin a session with a copy of another's notebook.

        Raises:
            NotebookError: there is one of that name, or there is no room for its models.
        """
        fork = fork_notebook_session(self.find(session_id), name)
        known = self._attached.get(session_id)
        return self._with_copy(fork, known.sandbox if known is not None else None)

    def end(self, session_id: str) -> bool:
        """End a session's kernel; tells whether its sandbox ended, too: it was started for it.

        Raises:
            NotebookError: it is not attached, or not to be reached: it is let go of then, too.
        """
        self.find(session_id)
        with self._lock:
            attached = self._attached.pop(session_id, None)
        if attached is None:
            raise NotebookMissingError(f"session {session_id} was shut down just now")
        client, sandbox = attached.client, attached.sandbox
        is_last = sandbox is not None and not self._is_used(sandbox)
        file = client.notebook_file if is_last else None
        self._ended[session_id] = Ended(client.jupyter_url, file, None if is_last else sandbox)
        try:
            client.end()
        finally:
            client.detach()
            if sandbox is not None and is_last:
                sandbox.terminate()
        return is_last

    def all(self) -> list[Attached]:
        """Give those that are attached."""
        with contextlib.suppress(NotebookError):
            if (opening := self._given_opening()) and opening.session_id not in self._attached:
                self.attach(*opening)
        return list(self._attached.values())

    def close(self) -> None:
        """Leave all of them; sandboxes that were started here are ended."""
        with self._lock:
            self._is_closed = True
            attached = list(self._attached.values())
            self._attached.clear()
        with ThreadPoolExecutor() as pool:
            list(pool.map(_leave, attached))
            sandboxes = {id(each.sandbox): each.sandbox for each in attached if each.sandbox}
            list(pool.map(Sandbox.terminate, sandboxes.values()))

    def is_own(self, session_id: str) -> bool:
        """Tell whether its sandbox was started here."""
        known = self._attached.get(session_id)
        return known is not None and known.sandbox is not None

    def _is_used(self, sandbox: Sandbox) -> bool:
        return any(each.sandbox is sandbox for each in self._attached.values())

    def _check_not_ended(self, session_id: str) -> None:
        if session_id in self._ended:
            raise NotebookMissingError(
                f"session {session_id} was shut down",
                hint="resume_session gives its notebook a kernel again",
            )

    @contextlib.contextmanager
    def _new_sandbox(self, name: str | None) -> Iterator[Sandbox]:
        """Start one, which is ended again where the block raises."""
        config = SandboxConfig(timeout=_LIFETIME)
        sandbox = Sandbox(config, backend="local").start(name)
        try:
            yield sandbox
        except BaseException:
            sandbox.terminate()
            raise

    def _with_copy(self, session: NotebookClient, sandbox: Sandbox | None) -> NotebookClient:
        """Attach to a session anew, with a copy of its notebook in a folder of its own."""
        session.detach()
        folder = self._folder(session.session_id)
        client = NotebookClient(session.session_id, session.jupyter_url, notebook_dir=folder)
        return self._keep(Attached(client, sandbox))

    def _keep(self, attached: Attached) -> NotebookClient:
        client = attached.client
        self._learned(client.jupyter_url)
        with self._lock:
            if self._is_closed:
                client.detach()
                raise NotebookError("this server is ending")
            before = self._attached.pop(client.session_id, None)
            self._attached[client.session_id] = attached
            self._ended.pop(client.session_id, None)
        if before is not None:
            before.client.detach()
        return client

    def _revived(self, client: NotebookClient) -> NotebookClient:
        if client.info()["kernel"] != "dead":
            raise NotebookError(
                f"the kernel of session {client.session_id} runs",
                hint="restart gives it a new one; fork_session copies the notebook",
            )
        client.restart()
        return client

    def _learned(self, url: str) -> str:
        self.secrets.learn(url)
        return url

    def _url_here(self, session_id: str) -> str:
        found = session_here(session_id)
        if found is None:
            raise NotebookMissingError(
                f"no sandbox that runs on this machine has a session {session_id!r}",
                hint="give jupyter_url, too, as the set-up script printed it",
            )
        return found.jupyter_url

    def _given_opening(self) -> Opening | None:
        """Read how the session is reached that this server is for.

        Raises:
            NotebookMissingError: it has ended.
        """
        if self._given is None:
            return None
        try:
            values = json.loads(self._given.read_bytes())
            return Opening(str(values["session_id"]), str(values["jupyter_url"]))
        except (OSError, ValueError, KeyError, TypeError):
            raise NotebookMissingError(
                "the session that this server is for has ended",
                hint="run the script that sets it up again; session.mcp_config is its new server",
            ) from None

    def _folder(self, session_id: str) -> Path:
        # Sandboxes say what their sessions are called, and may say where to go.
        if not _ID.fullmatch(session_id):
            raise NotebookMissingError(f"no session is called {session_id[:64]!r}", hint=_HOW)
        return self._notebooks / session_id


def _leave(attached: Attached) -> None:
    # What has ended already, or does not answer, is left all the same.
    with contextlib.suppress(NotebookError):
        attached.client._copy()
    attached.client.detach()
