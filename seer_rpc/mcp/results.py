"""What is told in words, as a tool's result."""

from __future__ import annotations

from typing import Any

from fastmcp.tools import ToolResult
from mcp_types import TextContent


def told(text: str, structured: dict[str, Any]) -> ToolResult:
    """Give a result of a server's own tools."""
    return ToolResult(content=[TextContent(type="text", text=text)], structured_content=structured)


def refusal(text: str, meta: dict[str, object] | None = None) -> ToolResult:
    """Give a result that is an error."""
    readable = text.encode("utf-8", "backslashreplace").decode()
    return ToolResult(content=[TextContent(type="text", text=readable)], meta=meta, is_error=True)
