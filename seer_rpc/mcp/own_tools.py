"""A server's own tools, those for calls that take long among them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastmcp.server.dependencies import get_context
from fastmcp.tools import Tool, ToolResult
from mcp_types import ToolAnnotations
from pydantic import PrivateAttr

from seer_rpc.generators.mcp import McpTool
from seer_rpc.generators.schema_changes import JsonSchema
from seer_rpc.mcp.arguments import ArgumentCheck
from seer_rpc.mcp.calls import Reporter
from seer_rpc.mcp.jobs import LIFETIME, Jobs
from seer_rpc.mcp.results import refusal
from seer_rpc.redaction import without_tokens

_JOB = {"job_id": {"type": "string", "description": "the job_id that the answer to the call gave"}}


class _OwnTool(Tool):
    """A tool of the server's own, whose arguments are checked as a function's are."""

    _answer: Callable[..., Awaitable[ToolResult]] = PrivateAttr()
    _check: ArgumentCheck = PrivateAttr()

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        """Answer."""
        problem = without_tokens(self._check.problem(arguments))
        return refusal(problem) if problem else await self._answer(**arguments)


def job_tools(jobs: Jobs) -> list[Tool]:
    """Give the tools that deliver the results of long calls."""

    async def get(job_id: str) -> ToolResult:
        return await jobs.get(job_id, Reporter(get_context().report_progress))

    async def cancel(job_id: str) -> ToolResult:
        return await jobs.cancel(job_id)

    async def list_jobs() -> ToolResult:
        return jobs.list()

    wait = f"{jobs.wait:g} s"
    minutes = f"{LIFETIME / 60:.0f} minutes"
    return [
        own_tool(
            get,
            f"{jobs.prefix}_get",
            f"Get the result of a call that went on as a job because it took longer than {wait}. "
            f"Waits up to {wait} for its end, then says how far it is. A result is kept for "
            f"{minutes}.",
            _JOB,
            read_only=True,
        ),
        own_tool(
            cancel,
            f"{jobs.prefix}_cancel",
            "End a call that went on as a job, permanently: the function stops, without a result.",
            _JOB,
            read_only=False,
        ),
        own_tool(
            list_jobs,
            f"{jobs.prefix}_list",
            "List the calls that went on as jobs: job_id, tool, status, seconds and progress.",
            {},
            read_only=True,
        ),
    ]


def own_tool(
    answer: Callable[..., Awaitable[ToolResult]],
    name: str,
    description: str,
    parameters: Mapping[str, JsonSchema],
    *,
    read_only: bool,
    idempotent: bool = True,
    only_adds: bool = False,
) -> Tool:
    """Make a tool that `answer` answers; parameters with a default may be left out."""
    described = McpTool(
        name,
        description=description,
        input_schema={
            "type": "object",
            "properties": dict(parameters),
            "required": [each for each, schema in parameters.items() if "default" not in schema],
            "additionalProperties": False,
        },
    )
    title = name.replace("_", " ").capitalize()
    tool = _OwnTool(
        name=name,
        title=title,
        description=description,
        parameters=described.input_schema,
        annotations=ToolAnnotations(
            title=title,
            read_only_hint=read_only,
            idempotent_hint=idempotent,
            destructive_hint=not (read_only or only_adds),
            open_world_hint=False,
        ),
    )
    tool._answer, tool._check = answer, ArgumentCheck(described)
    return tool
