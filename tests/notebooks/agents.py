"""Many cells at once, in several sessions, through one MCP server: whose output is whose."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from seer_rpc.environment import Sandbox, SandboxConfig
from seer_rpc.execution import NotebookSession, create_notebook_session
from tests.integration.mcp_talk import Talk, talk
from tests.notebooks.mcp_servers import over_stdio

_LINES = 20
_AT_ONCE = 4
"""Kernels that are started beside each other."""


@dataclass(frozen=True)
class Load:
    """What came of it."""

    sessions: int
    cells: int
    wrong: list[str] = field(repr=False)
    """Cells whose output, or whose place, was another's."""

    @property
    def is_clean(self) -> bool:
        """Whether every output was told to whom it belonged."""
        return not self.wrong

    def __str__(self) -> str:
        """Give the line that the run is held against."""
        return f"NOTEBOOKS sessions={self.sessions} cells={self.cells} wrong={len(self.wrong)}"


def work(count: int, cells: int, folder: Path) -> Load:
    """Run `cells` cells at once in each of `count` sessions, and look at every output."""
    with Sandbox(SandboxConfig()) as sandbox, ThreadPoolExecutor(_AT_ONCE) as pool:
        begun = [pool.submit(create_notebook_session, sandbox, keep=False) for _ in range(count)]
        sessions = [each.result() for each in begun]
        with talk(over_stdio(folder / "copies")) as agent:
            for session in sessions:
                _attach(agent, session)
            wrong = _run_all(agent, sessions, cells)
        wrong += [problem for each in sessions for problem in _strangers(each, cells)]
        for session in sessions:
            session.detach()
    return Load(count, count * cells, wrong)


def _attach(agent: Talk, session: NotebookSession) -> None:
    agent.value("attach_to_session", session_id=session.session_id, jupyter_url=session.jupyter_url)


def _run_all(agent: Talk, sessions: list[NotebookSession], cells: int) -> list[str]:
    names = [
        (each.session_id, f"{each.session_id}/{number}")
        for number in range(cells)
        for each in sessions
    ]

    def run(place: tuple[str, str]) -> list[str]:
        session_id, name = place
        result = agent.call("execute_code", session_id=session_id, code=_code(name))
        told = result.structured_content or {}
        texts = "".join(each["text"] for each in told.get("outputs", ()))
        is_right = (texts, told.get("session_id")) == (_said(name), session_id)
        return [] if is_right else [f"{name}: {told}"]

    with ThreadPoolExecutor(len(names)) as pool:
        return [problem for problems in pool.map(run, names) for problem in problems]


def _strangers(session: NotebookSession, cells: int) -> list[str]:
    """Name the cells of a notebook that are not its own, or not as they were told."""
    found = session.notebook()["cells"]
    names = {f"{session.session_id}/{number}" for number in range(cells)}
    said = {"".join(each["text"] for each in cell["outputs"]) for cell in found}
    is_right = len(found) == cells and said == {_said(name) for name in names}
    return [] if is_right else [f"the notebook of {session.session_id}: {said}"]


def _code(name: str) -> str:
    return (
        f"import time\nfor i in range({_LINES}): print({name!r}, i, flush=True); time.sleep(0.01)"
    )


def _said(name: str) -> str:
    return "".join(f"{name} {i}\n" for i in range(_LINES))
