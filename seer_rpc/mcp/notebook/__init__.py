"""The MCP server of notebooks: cells that run where the models are, as tools."""

__all__: list[str] = []
