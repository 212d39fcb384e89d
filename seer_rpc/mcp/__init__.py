"""The MCP servers: of an interface, of a sandbox's terminal, and of notebook sessions.

    python -m seer_rpc.mcp

is what a client's configuration starts: `ScopedSandbox.serve(..., expose_as="mcp")` writes one, and
so does `mcp_config` of CLI and notebook sessions.
"""

__all__: list[str] = []
