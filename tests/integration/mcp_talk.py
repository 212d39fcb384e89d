"""A real MCP client and its server, for tests that are not async."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import anyio.from_thread
import mcp_types
from fastmcp import Client
from fastmcp.client.client import CallToolResult


class Talk:
    """A connected client."""

    def __init__(self, portal: anyio.from_thread.BlockingPortal, client: Client[Any]) -> None:
        self.portal = portal
        self.client = client

    def tools(self) -> dict[str, mcp_types.Tool]:
        return {tool.name: tool for tool in self.portal.call(self.client.list_tools)}

    def call(self, name: str, /, **arguments: Any) -> CallToolResult:
        async def call() -> CallToolResult:
            return await self.client.call_tool(name, arguments, raise_on_error=False)

        return self.portal.call(call)

    def value(self, name: str, /, **arguments: Any) -> Any:
        """Give what a call's result holds, which is no error."""
        result = self.call(name, **arguments)
        assert not result.is_error, text_of(result)
        assert result.structured_content is not None
        return result.structured_content.get("result", result.structured_content)

    def error(self, name: str, /, **arguments: Any) -> str:
        """Give the text of a call's error."""
        result = self.call(name, **arguments)
        assert result.is_error, text_of(result)
        return text_of(result)


@contextlib.contextmanager
def talk(config: Mapping[str, Any], mode: str = "auto") -> Iterator[Talk]:
    """Start the server that a configuration names, or connect to it, and talk to it."""
    # What is given back by serve() goes through JSON, as it does in a client's file.
    servers = json.loads(json.dumps({"mcpServers": config}))
    with anyio.from_thread.start_blocking_portal() as portal:
        client: Client[Any] = Client(servers, mode=mode)
        with portal.wrap_async_context_manager(client):
            yield Talk(portal, client)


def text_of(result: CallToolResult) -> str:
    """Give the texts of a result."""
    blocks = result.content
    return "\n".join(block.text for block in blocks if isinstance(block, mcp_types.TextContent))
