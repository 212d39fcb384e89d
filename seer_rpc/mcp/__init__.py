"""The MCP server of an interface: its functions as tools of any MCP client.

    python -m seer_rpc.mcp

is what a client's configuration starts; `ScopedSandbox.serve(..., expose_as="mcp")` writes it.
"""

__all__: list[str] = []
