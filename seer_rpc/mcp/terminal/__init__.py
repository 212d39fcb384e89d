"""The MCP servers that work in sandboxes: commands, Python and files, as tools."""

__all__: list[str] = []
