"""The server's tools: one for each function of the interface, and those for jobs."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Self

from fastmcp.server.dependencies import get_context
from fastmcp.tools import Tool, ToolResult
from mcp_types import ToolAnnotations
from pydantic import Field, PrivateAttr

from seer_rpc.generators.mcp import McpTool
from seer_rpc.mcp.arguments import ArgumentCheck
from seer_rpc.mcp.calls import Calls, Reporter
from seer_rpc.mcp.failures import refusal
from seer_rpc.mcp.jobs import LIFETIME, Jobs

JobId = Annotated[str, Field(description="the job_id that the answer to the call gave")]


class InterfaceTool(Tool):
    """A function of the interface."""

    _described: McpTool = PrivateAttr()
    _check: ArgumentCheck = PrivateAttr()
    _calls: Calls = PrivateAttr()
    _jobs: Jobs = PrivateAttr()

    @classmethod
    def of(cls, described: McpTool, calls: Calls, jobs: Jobs) -> Self:
        """Make the tool that `described` describes."""
        tool = cls(
            name=described.name,
            title=described.title,
            description=described.description,
            parameters=described.input_schema,
            output_schema=described.output_schema,
            annotations=ToolAnnotations(
                title=described.title,
                read_only_hint=described.is_read_only,
                idempotent_hint=described.is_idempotent,
                destructive_hint=described.is_destructive,
                open_world_hint=False,
            ),
        )
        tool._described = described
        tool._check = ArgumentCheck(described)
        tool._calls = calls
        tool._jobs = jobs
        return tool

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        """Call the function; a call that takes long goes on as a job."""
        # Large arguments take a while, and other requests wait for nobody.
        problem = await asyncio.to_thread(self._check.problem, arguments)
        if problem:
            return refusal(problem)
        jobs = self._jobs
        reporter = Reporter(get_context().report_progress)
        running = self._calls.start(self._described, arguments)
        try:
            if not await running.follow(reporter, jobs.wait):
                if jobs.has_room():
                    return jobs.keep(running)
                await running.follow(reporter, None)
        except BaseException:
            # The client wants it no more, or is gone: neither does the sandbox.
            running.task.cancel()
            raise
        return running.task.result()


def job_tools(jobs: Jobs) -> list[Tool]:
    """Give the tools that deliver the results of long calls."""

    async def get(job_id: JobId) -> ToolResult:
        return await jobs.get(job_id, Reporter(get_context().report_progress))

    async def cancel(job_id: JobId) -> ToolResult:
        return await jobs.cancel(job_id)

    async def list_jobs() -> ToolResult:
        return jobs.list()

    wait = f"{jobs.wait:g} s"
    minutes = f"{LIFETIME / 60:.0f} minutes"
    return [
        _job_tool(
            get,
            f"{jobs.prefix}_get",
            f"Get the result of a call that went on as a job because it took longer than {wait}. "
            f"Waits up to {wait} for its end, then says how far it is. A result is kept for "
            f"{minutes}.",
            read_only=True,
        ),
        _job_tool(
            cancel,
            f"{jobs.prefix}_cancel",
            "End a call that went on as a job, and the function that runs for it.",
            read_only=False,
        ),
        _job_tool(
            list_jobs,
            f"{jobs.prefix}_list",
            "List the calls that went on as jobs: job_id, tool, status, seconds and progress.",
            read_only=True,
        ),
    ]


def _job_tool(function: Any, name: str, description: str, *, read_only: bool) -> Tool:
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
