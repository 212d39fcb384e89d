"""Notebook sessions in sandboxes: a kernel that has the models, and a notebook of what ran."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seer_rpc.client.cancellation import not_given_up
from seer_rpc.environment import Sandbox
from seer_rpc.environment.mcp import (
    check_mcp,
    forget_notebook_server,
    notebook_server,
    server_name,
)
from seer_rpc.errors import NotebookError
from seer_rpc.execution.file_names import notebook_file_name
from seer_rpc.execution.jupyter import STARTING, Address, Jupyter
from seer_rpc.execution.notebook_client import NotebookClient
from seer_rpc.execution.preparation import Step, steps
from seer_rpc.progress import status
from seer_rpc.registry import find_sandbox
from seer_rpc.workspace import Workspace
from seer_runtime.wire.settings import token_digest

_LIBRARIES = "__import__('seer_runtime.kernel.libraries', fromlist=['refresh'])"


class NotebookSession(NotebookClient):
    """A notebook session and the sandbox that it runs in."""

    def __init__(
        self,
        session_id: str,
        jupyter_url: str,
        sandbox: Sandbox,
        *,
        notebook_dir: str | Path | None = None,
    ) -> None:
        """Use `create_notebook_session`."""
        super().__init__(session_id, jupyter_url, notebook_dir=notebook_dir)
        self.sandbox = sandbox
        self._libraries: dict[str, str] = {}
        self._planned: Sequence[Step] = ()
        self._docs = ""
        self._server_name = ""

    @property
    def mcp_config(self) -> dict[str, Any]:
        """An MCP server whose tools work in this session, as clients are told of it.

        It is plain JSON without a secret. The server works for as long as the session runs, whoever
        started that.

        Raises:
            PackageMissingError: what it stands on is not installed.
            SandboxError: the sandbox does not run.
        """
        check_mcp()
        self._server_name = server_name(Path(self.notebook_path).stem)
        opening = {"session_id": self.session_id, "jupyter_url": self.jupyter_url}
        known = {
            "session_id": self.session_id,
            "models": self.model_info_text,
            "libraries": self._docs,
        }
        record = find_sandbox(self.sandbox.sandbox_id)
        return notebook_server(self._server_name, record, opening, known)

    def setup(self, workspace: Workspace) -> None:
        """Have the session work with a workspace: libraries, skills, files, and init code.

        Twice is as good as once. What a notebook has imported of libraries that have changed is
        the new code from then on.

        Raises:
            CellError: the init code raised, or a library while it was loaded anew.
            SandboxFileError: the files cannot be written.
        """
        installed = _install(self.sandbox, workspace, self.session_id)
        known, self._libraries = self._libraries, installed
        self._docs = workspace.get_library_docs()
        changed = [name for name, digest in self._libraries.items() if known.get(name) != digest]
        if known and changed:
            self.exec(f"{_LIBRARIES}.refresh({changed!r})", hidden=True)
        planned = self._planned = steps(self.sandbox, workspace)
        init = [each for each in planned if each.id == "init"]
        self._ask("PUT", "/preparation", _beginning(planned, self._docs))
        for each in init:
            self.exec(each.code, hidden=True)

    def resume(self, timeout: float | None = None) -> None:
        """Go on with the notebook, whatever became of its kernel: it has a new one, cells are kept.

        Does nothing where the kernel lives. Its server is started again where that has ended; the
        session keeps its id and, as a rule, its URL.

        Raises:
            SandboxError: the sandbox has ended.
            NotebookStartError: Jupyter does not start again.
            CellError: the models cannot be loaded, or the workspace's init code raised.
            CellRunningError: the time is over; they are loaded on.
        """
        server, token = self.sandbox.jupyter_server(), self._jupyter.address.token
        url = server.url_with_token
        beginning = _beginning(self._planned, self._docs)
        info = _create(url, self.session_id, self._notebook, beginning, token)
        self._move_to(Address.parse(url).page(str(info["path"]), token))
        if info["kernel"] == "dead":
            self.restart(timeout)
        else:
            self.prepared(timeout)

    def end(self) -> None:
        """End its kernel; the notebook stays in the sandbox, which runs on."""
        super().end()
        forget_notebook_server(self._server_name, self.sandbox.sandbox_id, self.session_id)

    def terminate(self) -> None:
        """End the session and its sandbox; the copy in `notebook_dir` stays, up to date."""
        self.detach()
        forget_notebook_server(self._server_name, self.sandbox.sandbox_id, self.session_id)
        self.sandbox.terminate()


def create_notebook_session(
    sandbox: Sandbox,
    workspace: Workspace | None = None,
    name: str | None = None,
    *,
    notebook_dir: str | Path | None = None,
    keep: bool = True,
) -> NotebookSession:
    """Start a kernel with the sandbox's models in its variables, and a notebook.

    Args:
        sandbox: One that runs.
        workspace: What the kernel can import, and what it begins with.
        name: Of the notebook; one that is in the sandbox already is gone on with.
        notebook_dir: A folder of this machine for a copy of the notebook.
        keep: Whether the sandbox outlives this process, so that others can attach to the session:
            until its time is over, `terminate()` or `seer stop`.

    Raises:
        ConfigError: the name is that of no file.
        NotebookError: it is that of another session's notebook.
        NotebookAccessError: the server is not to be reached.
        SandboxError: the sandbox is not running.
        NotebookStartError: Jupyter does not start.
        ModelLoadError: a model cannot be loaded.
        CellError: the workspace's init code raised.
    """
    workspace = workspace or Workspace()
    session_id = secrets.token_hex(8)
    path = notebook_file_name(name or f"notebook-{session_id[:6]}")
    server = sandbox.jupyter_server()
    token = secrets.token_urlsafe(32)
    libraries = _install(sandbox, workspace, session_id)
    planned, docs = steps(sandbox, workspace), workspace.get_library_docs()
    with _ended_unless_ready(server.url_with_token, session_id):
        _create(server.url_with_token, session_id, path, _beginning(planned, docs), token)
        url = Address.parse(server.url_with_token).page(path, token)
        session = NotebookSession(session_id, url, sandbox, notebook_dir=notebook_dir)
        session._libraries, session._planned, session._docs = libraries, planned, docs
        try:
            with status("loading models into the kernel" if planned else "preparing"):
                session.prepared()
        except BaseException:
            with not_given_up():
                session.detach()
            raise
    if keep:
        sandbox.release()
    return session


@contextlib.contextmanager
def _ended_unless_ready(url: str, session_id: str) -> Iterator[None]:
    """Have no kernel left, and the notebook's name free, where the block raises."""
    try:
        yield
    except BaseException:
        jupyter = Jupyter(url)
        with not_given_up(), contextlib.suppress(NotebookError), contextlib.closing(jupyter):
            jupyter.ask("DELETE", f"/{session_id}")
        raise


def _create(
    url: str, session_id: str, path: str, beginning: Mapping[str, Any], token: str
) -> dict[str, Any]:
    """Start a kernel, if the session has none; gives what there is then."""
    given = {
        "id": session_id,
        "path": path,
        **beginning,
        "token_digest": token_digest(token),
    }
    jupyter = Jupyter(url)
    try:
        with status("starting a kernel"):
            return dict(jupyter.ask("POST", "", given, patience=STARTING))
    finally:
        jupyter.close()


def _beginning(planned: Sequence[Step], docs: str) -> dict[str, Any]:
    """Say what each kernel of a session begins with, and what it can import."""
    return {"steps": [each.to_json() for each in planned], "libraries": docs}


def _install(sandbox: Sandbox, workspace: Workspace, session_id: str) -> dict[str, str]:
    """Put a workspace into the sandbox; gives the state of each library by its name."""
    sandbox.install(workspace, session_id)
    return {library.name: _digest(library.files) for library in workspace.libraries}


def _digest(files: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).hexdigest()
