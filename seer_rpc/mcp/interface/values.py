"""What clients ask about values that stay in the sandbox."""

from __future__ import annotations

import json
from collections.abc import Collection

from fastmcp.server.dependencies import get_context
from fastmcp.tools import Tool, ToolResult

from seer_rpc.generators.mcp import McpTool
from seer_rpc.generators.tool_schemas import wrapped
from seer_rpc.mcp.calls import Reporter
from seer_rpc.mcp.interface.calls import Calls
from seer_rpc.mcp.interface.references import MOST, References
from seer_rpc.mcp.interface.sessions import SharedSession
from seer_rpc.mcp.jobs import Jobs
from seer_rpc.mcp.own_tools import own_tool
from seer_rpc.mcp.prefixes import free_prefix
from seer_rpc.mcp.results import refusal, told
from seer_rpc.presentation import to_json
from seer_runtime.wire.handles import FETCH

_REFERENCE = {
    "reference": {"type": "integer", "description": 'the number that a result gave as "reference"'}
}


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


def reference_tools(values: KeptValues) -> list[Tool]:
    """Give the tools that show and free what results left in the sandbox."""

    async def get(reference: int) -> ToolResult:
        return await values.get(reference, Reporter(get_context().report_progress))

    async def free(reference: int) -> ToolResult:
        return values.free(reference)

    async def list_references() -> ToolResult:
        return values.list()

    return [
        own_tool(
            get,
            f"{values.prefix}_get",
            'Get the value that a result left in the sandbox as {"reference": NUMBER}. A tensor '
            "comes as a summary and a file with its numbers. To give the value to a tool, pass the "
            "reference itself.",
            _REFERENCE,
            read_only=True,
        ),
        own_tool(
            free,
            f"{values.prefix}_free",
            "Free the memory of a value that a result left in the sandbox. The value is gone "
            "permanently; its reference cannot be used any more.",
            _REFERENCE,
            read_only=False,
        ),
        own_tool(
            list_references,
            f"{values.prefix}_list",
            "List the references to values that results left in the sandbox: number, type, and of "
            f"tensors dtype, shape and device. The newest {MOST} are kept.",
            {},
            read_only=True,
        ),
    ]
