"""What clients ask about values that stay in the sandbox."""

from __future__ import annotations

import json
from collections.abc import Collection

from fastmcp.tools import ToolResult

from seer_rpc.generators.mcp import McpTool
from seer_rpc.generators.tool_schemas import wrapped
from seer_rpc.mcp.calls import Calls, Reporter
from seer_rpc.mcp.failures import refusal
from seer_rpc.mcp.jobs import Jobs
from seer_rpc.mcp.prefixes import free_prefix
from seer_rpc.mcp.references import MOST, References
from seer_rpc.mcp.results import told
from seer_rpc.mcp.sessions import SharedSession
from seer_rpc.presentation import to_json
from seer_runtime.wire.handles import FETCH


class KeptValues:
    """The values that references stand for."""

    def __init__(
        self,
        taken: Collection[str],
        session: SharedSession,
        references: References,
        calls: Calls,
        jobs: Jobs,
    ) -> None:
        """Look at what `references` holds. The tools get names that are not `taken`."""
        self.prefix = free_prefix("reference", ("get", "free", "list"), taken)
        self._session = session
        self._references = references
        self._calls = calls
        self._jobs = jobs
        self._fetching = McpTool(
            f"{self.prefix}_get", FETCH, output_schema=wrapped({"description": "the value"})
        )

    async def get(self, number: int, reporter: Reporter) -> ToolResult:
        """Give a value, as a function's result is given."""
        reference = self._references.of(self._session.current).get(number)
        if reference is None:
            return self._unknown(number)
        return await self._jobs.answer(self._calls.start(self._fetching, reference), reporter)

    def free(self, number: int) -> ToolResult:
        """Let go of a value."""
        if number not in self._references.of(self._session.current):
            return self._unknown(number)
        self._references.free(number)
        return told(f"The value of reference {number} was freed.", {"freed": number})

    def list(self) -> ToolResult:
        """Say which values there are, the newest last."""
        references = self._references.of(self._session.current).values()
        known = [to_json(each, str) for each in references]
        text = json.dumps(known) if known else "There are no references."
        return told(text, {"references": known})

    def _unknown(self, number: int) -> ToolResult:
        return refusal(
            f"There is no reference {number}: it was freed, or its worker was restarted. "
            f"{MOST} are kept, those of the newest results; {self.prefix}_list names them. If "
            "yours is not among them, call the tool again that gave it."
        )
