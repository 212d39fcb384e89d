"""The functions of the interface as tools."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self

from fastmcp.server.dependencies import get_context
from fastmcp.tools import Tool, ToolResult
from mcp_types import ToolAnnotations
from pydantic import PrivateAttr

from seer_rpc.generators.mcp import McpTool
from seer_rpc.mcp.arguments import ArgumentCheck
from seer_rpc.mcp.calls import Reporter
from seer_rpc.mcp.interface.calls import Calls
from seer_rpc.mcp.jobs import Jobs
from seer_rpc.mcp.results import refusal
from seer_runtime.wire.plain import JsonArguments


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
        running = self._calls.start(self._described, JsonArguments(json.dumps(arguments)))
        return await self._jobs.answer(running, Reporter(get_context().report_progress))
