"""Tools that run code, and end it."""

from __future__ import annotations

from fastmcp.tools import ToolResult

from seer_rpc.environment.threads import in_thread
from seer_rpc.errors import NotebookMissingError
from seer_rpc.mcp.notebook.answers import Answers
from seer_rpc.mcp.notebook.excerpts import MOST_OF_ONE
from seer_rpc.mcp.notebook.results import output_range
from seer_rpc.mcp.results import told


class Running:
    """Runs code in sessions."""

    def __init__(self, answers: Answers) -> None:
        """Answer with what all tools have."""
        self._answers = answers

    async def execute_code(
        self,
        session_id: str,
        code: str,
        timeout: float | None = None,
        background: bool = False,
    ) -> ToolResult:
        """Run code in a new cell."""
        client = await self._answers.client(session_id)
        execution = await in_thread(client.start, code)
        return await self._answers.report(
            client, execution, self._answers.seconds(timeout, not background)
        )

    async def get_output(
        self,
        session_id: str,
        execution_id: str,
        wait: bool = True,
        timeout: float | None = None,
        output: int | None = None,
        first: int = 0,
        characters: int = MOST_OF_ONE,
    ) -> ToolResult:
        """Tell what came of a cell so far, or all of one output."""
        client = await self._answers.client(session_id)
        try:
            execution = client.execution(execution_id)
            if output is not None:
                outputs = (await in_thread(execution.refresh)).outputs
                folder = self._answers.folder
                return await in_thread(output_range, outputs, output, first, characters, folder)
            return await self._answers.report(
                client, execution, self._answers.seconds(timeout, wait)
            )
        except NotebookMissingError as error:
            error.hint = error.hint or (
                "give execution_id as execute_code gave it; what cells put out whose execution is "
                "long over, read_notebook has"
            )
            raise

    async def interrupt(self, session_id: str, execution_id: str = "") -> ToolResult:
        """Interrupt what runs."""
        client = await self._answers.client(session_id)
        found = await in_thread(client.interrupt, execution_id)
        text = (
            "It was interrupted: get_output tells how it ended."
            if found
            else "There was nothing to interrupt: it does not run, or not any more."
        )
        return told(text, {"session_id": session_id, "interrupted": found})

    async def restart(self, session_id: str) -> ToolResult:
        """Give a session a new kernel."""
        client = await self._answers.client(session_id)

        def restart() -> str:
            client.restart()
            return client.model_info_text

        what = f"restarting session {session_id}"
        models = await self._answers.in_time(in_thread(restart), what)
        if models is None:
            text = (
                "The kernel starts and its models are loaded; that goes on. What is run now runs "
                "when it is ready; list_sessions tells how it stands."
            )
            return told(text, {"session_id": session_id, "status": "restarting"})
        text = f"The kernel is a new one, without the variables of the old one.\n\n{models}"
        return told(text.strip(), {"session_id": session_id, "status": "ready", "models": models})
