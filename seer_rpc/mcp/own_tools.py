"""A server's own tools: for calls that take long, and for values that stay in the sandbox."""

from __future__ import annotations

from typing import Annotated, Any

from fastmcp.server.dependencies import get_context
from fastmcp.tools import Tool, ToolResult
from mcp_types import ToolAnnotations
from pydantic import Field

from seer_rpc.mcp.calls import Reporter
from seer_rpc.mcp.jobs import LIFETIME, Jobs
from seer_rpc.mcp.references import MOST
from seer_rpc.mcp.values import KeptValues

_JobId = Annotated[str, Field(description="the job_id that the answer to the call gave")]
_Number = Annotated[int, Field(description='the number that a result gave as "reference"')]


def job_tools(jobs: Jobs) -> list[Tool]:
    """Give the tools that deliver the results of long calls."""

    async def get(job_id: _JobId) -> ToolResult:
        return await jobs.get(job_id, Reporter(get_context().report_progress))

    async def cancel(job_id: _JobId) -> ToolResult:
        return await jobs.cancel(job_id)

    async def list_jobs() -> ToolResult:
        return jobs.list()

    wait = f"{jobs.wait:g} s"
    minutes = f"{LIFETIME / 60:.0f} minutes"
    return [
        _own_tool(
            get,
            f"{jobs.prefix}_get",
            f"Get the result of a call that went on as a job because it took longer than {wait}. "
            f"Waits up to {wait} for its end, then says how far it is. A result is kept for "
            f"{minutes}.",
            read_only=True,
        ),
        _own_tool(
            cancel,
            f"{jobs.prefix}_cancel",
            "End a call that went on as a job, permanently: the function stops, without a result.",
            read_only=False,
        ),
        _own_tool(
            list_jobs,
            f"{jobs.prefix}_list",
            "List the calls that went on as jobs: job_id, tool, status, seconds and progress.",
            read_only=True,
        ),
    ]


def reference_tools(values: KeptValues) -> list[Tool]:
    """Give the tools that show and free what results left in the sandbox."""

    async def get(reference: _Number) -> ToolResult:
        return await values.get(reference, Reporter(get_context().report_progress))

    async def free(reference: _Number) -> ToolResult:
        return values.free(reference)

    async def list_references() -> ToolResult:
        return values.list()

    return [
        _own_tool(
            get,
            f"{values.prefix}_get",
            'Get the value that a result left in the sandbox as {"reference": NUMBER}. A tensor '
            "comes as a summary and a file with its numbers. To give the value to a tool, pass the "
            "reference itself.",
            read_only=True,
        ),
        _own_tool(
            free,
            f"{values.prefix}_free",
            "Free the memory of a value that a result left in the sandbox. The value is gone "
            "permanently; its reference cannot be used any more.",
            read_only=False,
        ),
        _own_tool(
            list_references,
            f"{values.prefix}_list",
            "List the references to values that results left in the sandbox: number, type, and of "
            f"tensors dtype, shape and device. The newest {MOST} are kept.",
            read_only=True,
        ),
    ]


def _own_tool(function: Any, name: str, description: str, *, read_only: bool) -> Tool:
    return Tool.from_function(
        function,
        name=name,
        title=name.replace("_", " ").capitalize(),
        description=description,
        output_schema=None,
        annotations=ToolAnnotations(
            read_only_hint=read_only,
            idempotent_hint=True,
            destructive_hint=not read_only,
            open_world_hint=False,
        ),
    )
