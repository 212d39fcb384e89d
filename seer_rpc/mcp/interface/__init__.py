"""The MCP server of an interface: its functions as tools."""

__all__: list[str] = []
