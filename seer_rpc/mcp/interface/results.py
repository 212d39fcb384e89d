"""Values as the results of tools: structured, readable, and never too long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastmcp.tools import ToolResult
from jsonschema import Draft202012Validator
from mcp_types import TextContent

from seer_rpc.client import Ref
from seer_rpc.generators.mcp import McpTool
from seer_rpc.mcp.interface.references import MOST as MOST_REFERENCES
from seer_rpc.mcp.interface.references import References
from seer_rpc.mcp.media import ShownMedia, picture_media
from seer_rpc.presentation import Clipped, clip, clip_items, summarise, to_json
from seer_runtime.wire.media import Media, is_picture
from seer_runtime.wire.records import Record, record_fields


class ResultBuilder:
    """One result on its way to the client."""

    def __init__(self, folder: Path, references: References) -> None:
        """Keep in `folder` what is too large to be shown, and hold what stays in the sandbox."""
        self.characters = 0
        """Of all that was made plain, as JSON."""
        self._folder = folder
        self._references = references
        self._freed = 0
        self._media = ShownMedia(folder)
        self._remarks: list[str] = []

    def remark(self, text: str) -> None:
        """Add what there is to say beside the result."""
        self._remarks.append(text)

    def plain(self, value: Any) -> Any:
        """Give a value as plain JSON; what is seen or heard becomes content of its own."""
        plain = to_json(self._replaced(value), lambda array: summarise(array, self._folder))
        text = json.dumps(plain, ensure_ascii=False)
        self.characters += len(text)
        # No UTF-8 holds half of a surrogate pair.
        return plain if text.isascii() else json.loads(_readable(text))

    def result(self, tool: McpTool, plain: Any) -> ToolResult:
        """Give a tool's result of a plain value."""
        text = _text(tool, plain)
        clipped = self._clipped(text, plain)
        structured: dict[str, Any] = {"result": plain} if tool.is_wrapped else plain
        if clipped is not None:
            text = str(clipped)
            note = f"too long to show; the whole is in {clipped.file}"
            structured = {"note": note, "file": str(clipped.file), "shown": text}
        elif not _fits(structured, tool):
            note = "the function gave something else than it says it gives"
            structured = {"note": note, "shown": plain}
        remarks = [TextContent(type="text", text=each) for each in self._all_remarks()]
        return ToolResult(
            content=[TextContent(type="text", text=text), *self._media.blocks, *remarks],
            structured_content=structured,
        )

    def _replaced(self, value: Any) -> Any:
        """Put words in the place of media, and hold references."""
        if isinstance(value, Ref):
            self._freed += self._references.hold(value)
            return value
        if is_picture(value):
            value = picture_media(value)
        if isinstance(value, Media):
            return {"mime": value.mime, "data": self._media.show(value)}
        match value:
            case dict():
                return {key: self._replaced(each) for key, each in value.items()}
            case list() | set() | frozenset():
                return [self._replaced(each) for each in value]
            case tuple() if type(value) is tuple:
                return [self._replaced(each) for each in value]
            case Record() if type(value) is Record:
                return {key: self._replaced(each) for key, each in record_fields(value).items()}
        return value

    def _clipped(self, text: str, plain: Any) -> Clipped | None:
        if isinstance(plain, list):
            return clip_items(text, plain, self._folder)
        return clip(text, self._folder, ".txt" if isinstance(plain, str) else ".json")

    def _all_remarks(self) -> list[str]:
        remarks = [*self._remarks, self._media.remark()]
        if self._freed:
            remarks.append(
                f"The {self._freed} oldest references were freed: {MOST_REFERENCES} are kept."
            )
        return list(filter(None, remarks))


def _fits(structured: Any, tool: McpTool) -> bool:
    return bool(Draft202012Validator(tool.output_schema).is_valid(structured))


def _text(tool: McpTool, plain: Any) -> str:
    if isinstance(plain, str):
        return plain
    if plain is None and tool.returns_nothing:
        return "done"
    return json.dumps(plain, ensure_ascii=False)


def _readable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
