"""The MCP server of a CLI session: commands, Python and files in a sandbox, as tools."""

__all__: list[str] = []
