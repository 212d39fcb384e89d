"""Tools by which sessions come and go."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fastmcp.tools import ToolResult

from seer_rpc.environment.threads import in_thread
from seer_rpc.errors import ConfigError, NotebookAccessError, NotebookError
from seer_rpc.execution import NotebookClient
from seer_rpc.mcp.notebook.answers import Answers
from seer_rpc.mcp.notebook.excerpts import importable
from seer_rpc.mcp.notebook.here import SessionHere, sessions_here
from seer_rpc.mcp.notebook.waiting import follow
from seer_rpc.mcp.results import told

_AT_ONCE = 16


class Lifecycle:
    """Has sessions begin and end."""

    def __init__(self, answers: Answers) -> None:
        """Answer with what all tools have."""
        self._answers = answers

    async def attach_to_session(self, session_id: str, jupyter_url: str = "") -> ToolResult:
        """Connect to a session."""
        sessions = self._answers.sessions
        client = await in_thread(sessions.attach, session_id, jupyter_url or None)
        return await in_thread(_introduced, client, "Attached to")

    async def start_new_session(self, name: str | None = None) -> ToolResult:
        """Start a session on this machine."""
        start = functools.partial(self._answers.sessions.start, name)
        return await self._begun(start, "Started", "starting a session")

    async def fork_session(self, session_id: str, name: str) -> ToolResult:
        """Start a session with a copy of a notebook."""
        fork = functools.partial(self._answers.sessions.fork, session_id, name)
        return await self._begun(fork, "Forked into", f"forking session {session_id}")

    async def resume_session(
        self,
        session_id: str = "",
        notebook: str = "",
        jupyter_url: str = "",
        run_cells: bool = False,
    ) -> ToolResult:
        """Give a notebook a kernel again."""
        if bool(session_id) == bool(notebook):
            raise ConfigError("give either session_id or notebook, the path of a file.ipynb")
        sessions, file = self._answers.sessions, Path(notebook).expanduser()
        resume = (
            functools.partial(sessions.resume_file, file)
            if notebook
            else functools.partial(sessions.resume, session_id, jupyter_url or None)
        )
        client = await self._answers.in_time(in_thread(resume), "resuming a session")
        if client is None:
            return _not_yet()
        if run_cells:
            return await self._run_cells(client)
        return await in_thread(_introduced, client, "Resumed")

    async def shutdown_session(self, session_id: str) -> ToolResult:
        """End a session's kernel."""
        client = await self._answers.client(session_id)
        try:
            is_sandbox_over = await in_thread(self._answers.sessions.end, session_id)
        except NotebookAccessError as error:
            text = f"Session {session_id} was let go of; its server had gone: {error.message}"
            return told(text, {"session_id": session_id, "status": "gone"})
        what = (
            "its kernel and the sandbox that was started for it"
            if is_sandbox_over
            else "its kernel"
        )
        file = str(client.notebook_file)
        text = f"Session {session_id} was ended: {what}. A copy of the notebook is at {file}."
        return told(text, {"session_id": session_id, "status": "ended", "notebook_file": file})

    async def list_sessions(self) -> ToolResult:
        """Say which sessions there are."""
        found = await in_thread(_sessions, self._answers)
        lines = [_line(each) for each in found] or ["There are no sessions."]
        if self._answers.going:
            lines.append(f"{self._answers.going} more start or are restarted just now.")
        lines += [f"Failed: {each}" for each in self._answers.failures]
        return told("\n".join(lines), {"sessions": found})

    async def _begun(self, work: Callable[[], NotebookClient], said: str, what: str) -> ToolResult:
        client = await self._answers.in_time(in_thread(work), what)
        return _not_yet() if client is None else await in_thread(_introduced, client, said)

    async def _run_cells(self, client: NotebookClient) -> ToolResult:
        """Run all cells with code again, and tell of it."""
        again = Again(client)
        over = await self._answers.in_time(
            again.run(), f"running session {client.session_id} again"
        )
        known = _known(client, await in_thread(client.info))
        structured = {**known, "cells_run": again.done, "cells_to_run": again.count}
        begun = f"Resumed session {client.session_id}: notebook {known['notebook_path']}."
        if over is None:
            more = "the others follow, as long as none raises. read_notebook shows them."
            return told(f"{begun} {again}; {more}", structured)
        result = told(f"{begun} {again}.", structured)
        result.is_error = bool(again.problem)
        return result


class Again:
    """Runs the cells of a notebook again, one after the other, as far as they raise nothing."""

    def __init__(self, client: NotebookClient) -> None:
        """Begin with `run`."""
        self.count = self.done = 0
        self.problem = ""
        self._client = client

    async def run(self) -> bool:
        """Run them; tells whether all of them ran."""
        cells = (await in_thread(self._client.notebook))["cells"]
        sources = {each["id"]: "".join(each["source"]) for each in cells if _is_code(each)}
        self.count = len(sources)
        for cell_id, code in sources.items():
            start = functools.partial(self._client.start, code, cell_id=cell_id)
            result = await follow(await in_thread(start), math.inf)
            if not result.ok:
                problem = result.problem
                self.problem = f"cell {cell_id}: {problem.get('ename')}: {problem.get('evalue')}"
                return False
            self.done += 1
        return True

    def __str__(self) -> str:
        """Say how far it is."""
        said = f"{self.done} of {self.count} cells with code ran again"
        return f"{said}; then {self.problem}. Those after it did not run" if self.problem else said


def _is_code(cell: Mapping[str, Any]) -> bool:
    return bool(cell["cell_type"] == "code" and "".join(cell["source"]).strip())


def _not_yet() -> ToolResult:
    text = "It takes its time and goes on: list_sessions has the session when it is ready."
    return told(text, {"status": "starting"})


def _introduced(client: NotebookClient, said: str) -> ToolResult:
    """Tell what there is to know of a session."""
    info = client.info()
    known, libraries = _known(client, info), info.get("libraries", "")
    lines = [
        f"{said} session {client.session_id}: notebook {known['notebook_path']}, the kernel is "
        f"{known['kernel']}.",
        f"A copy of the notebook is kept at {known['notebook_file']}.",
        known["models"] or "No models are loaded in its kernel.",
        importable(libraries),
    ]
    return told("\n\n".join(filter(None, lines)), {**known, "libraries": libraries})


def _known(client: NotebookClient, info: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "session_id": client.session_id,
        "notebook_path": f"/workspace/{info['path']}",
        "notebook_file": str(client.notebook_file),
        **_state(info),
    }


def _state(info: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kernel": info["kernel"],
        "problem": info["problem"],
        "running": info["running"],
        "queued": len(info["queued"]),
        "models": (info["models"] or {}).get("text", ""),
    }


def _sessions(answers: Answers) -> list[dict[str, Any]]:
    """Describe those that are attached, and then those of this machine."""
    sessions = answers.sessions
    attached = {each.client.session_id: each.client for each in sessions.all()}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        described = list(pool.map(_described, attached.values()))
    found = [
        {**each, "attached": True, "started_here": sessions.is_own(each["session_id"])}
        for each in described
    ]
    return found + [
        _known_here(each) for each in sessions_here() if each.session_id not in attached
    ]


def _known_here(session: SessionHere) -> dict[str, Any]:
    return {
        "session_id": session.session_id,
        "sandbox": session.sandbox,
        "notebook_path": f"/workspace/{session.info['path']}",
        **_state(session.info),
        "attached": False,
        "started_here": False,
    }


def _described(client: NotebookClient) -> dict[str, Any]:
    try:
        return _known(client, client.info())
    except NotebookError as error:
        return {"session_id": client.session_id, "kernel": "gone", "problem": error.message}


def _line(known: Mapping[str, Any]) -> str:
    how = "attached" if known["attached"] else "attach_to_session needs no URL for it"
    parts = [known.get("notebook_path", ""), f"kernel {known['kernel']}", known["problem"], how]
    names = _model_names(known.get("models", ""))
    return f"{known['session_id']}: {', '.join(filter(None, [*parts, names]))}"


def _model_names(text: str) -> str:
    names: Sequence[str] = [
        line.strip("*").partition("**")[0] for line in text.splitlines() if line.startswith("**")
    ]
    found = [name for name in names if name and not name.startswith("IMPORTANT")]
    return f"loaded: {' and '.join(found)}" if found else ""
