"""Notebooks that are gone on with: after the end of their session, or in a copy."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

from seer_rpc.execution.file_names import notebook_file_name
from seer_rpc.execution.jupyter import STARTING, Address, Jupyter
from seer_rpc.execution.notebook_client import NotebookClient
from seer_runtime.wire.settings import token_digest


def resume_notebook_session(
    session_id: str, jupyter_url: str, *, notebook_dir: str | Path | None = None
) -> NotebookClient:
    """Give a session that was ended a kernel again, with the models loaded, and attach to it.

    Its sandbox must run still. Cells are as they were, and do not run again. The arguments are
    `NotebookClient`'s.

    Raises:
        NotebookAccessError: the URL leads nowhere, or does not let in.
        NotebookMissingError: there was no session of that id.
        NotebookError: another session has its notebook now.
        ModelLoadError: the models cannot be loaded.
    """
    _ask(jupyter_url, f"/{session_id}/resumption", {})
    return _prepared(NotebookClient(session_id, jupyter_url, notebook_dir=notebook_dir))


def fork_notebook_session(
    session: NotebookClient, name: str, *, notebook_dir: str | Path | None = None
) -> NotebookClient:
    """Begin a session with a copy of a notebook, in the same sandbox, and attach to it.

    It has a kernel of its own, with models of its own: variables are not copied, and the cells do
    not run.

    Args:
        session: The session with the notebook.
        name: Of the copy.
        notebook_dir: A folder of this machine for a copy of the new notebook.

    Raises:
        ConfigError: the name is that of no file.
        NotebookError: there is a notebook of that name.
        ModelLoadError: the models cannot be loaded a second time.
    """
    session_id, token = secrets.token_hex(8), secrets.token_urlsafe(32)
    path = notebook_file_name(name)
    given = {"id": session_id, "path": path, "token_digest": token_digest(token)}
    _ask(session.jupyter_url, f"/{session.session_id}/fork", given)
    url = Address.parse(session.jupyter_url).page(path, token)
    return _prepared(NotebookClient(session_id, url, notebook_dir=notebook_dir))


def _prepared(session: NotebookClient) -> NotebookClient:
    """Wait until the kernel has what it begins with."""
    try:
        session.prepared()
    except BaseException:
        session.detach()
        raise
    return session


def _ask(url: str, path: str, given: dict[str, str]) -> None:
    with contextlib.closing(Jupyter(url)) as jupyter:
        jupyter.ask("POST", path, given, patience=STARTING)
