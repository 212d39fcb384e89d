"""What lets in is not told: not in results, not in errors, not in progress."""

from __future__ import annotations

from typing import Any

from fastmcp.tools import ToolResult
from mcp_types import TextContent

from seer_rpc.redaction import HIDDEN, tokens_in

_SHORTEST = 8
"""Characters of a token; what is shorter is none, and is in other words."""


class Secrets:
    """The tokens that this server was given."""

    def __init__(self) -> None:
        """Know none."""
        self._tokens: set[str] = set()

    def learn(self, jupyter_url: str) -> None:
        """Keep the token of a URL to itself, also where it is the URL of no notebook."""
        self._tokens.update(each for each in tokens_in(jupyter_url) if len(each) >= _SHORTEST)

    def clean(self, text: str) -> str:
        """Take them out of a text, and what no UTF-8 holds."""
        for token in self._tokens:
            text = text.replace(token, HIDDEN)
        return text.encode("utf-8", "backslashreplace").decode()

    def cleaned(self, result: ToolResult) -> ToolResult:
        """Take them out of a result."""
        for block in result.content:
            if isinstance(block, TextContent):
                block.text = self.clean(block.text)
        result.structured_content = self._replaced(result.structured_content)
        result.meta = self._replaced(result.meta)
        return result

    def _replaced(self, value: Any) -> Any:
        match value:
            case str():
                return self.clean(value)
            case list():
                return [self._replaced(each) for each in value]
            case dict():
                return {key: self._replaced(each) for key, each in value.items()}
        return value
