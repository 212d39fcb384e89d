"""Values as the results of tools: structured, readable, and never too long."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fastmcp.tools import ToolResult
from jsonschema import Draft202012Validator
from mcp_types import ContentBlock, TextContent

from seer_rpc.client import Ref
from seer_rpc.generators.mcp import McpTool
from seer_rpc.mcp.media import media_block, media_file, picture_media
from seer_rpc.presentation import MOST_CHARACTERS, clip, keep, summarise, to_json
from seer_runtime.wire.media import Media, is_picture
from seer_runtime.wire.records import Record, record_fields

_MOST_REFERENCES = 100
"""Handles that are kept, of the newest results."""

_END = MOST_CHARACTERS // 3


class Results:
    """Builds the results of one server's calls."""

    def __init__(self, folder: Path) -> None:
        """Keep in `folder` what is too large to be shown."""
        self.folder = folder
        self._references: OrderedDict[int, Ref] = OrderedDict()

    def new(self) -> ResultBuilder:
        """Begin with another result."""
        return ResultBuilder(self)

    def hold(self, reference: Ref) -> None:
        """Keep a value in the sandbox: dropping the handle would free it."""
        self._references[id(reference)] = reference
        while len(self._references) > _MOST_REFERENCES:
            self._references.popitem(last=False)


class ResultBuilder:
    """One result on its way to the client."""

    def __init__(self, results: Results) -> None:
        """Begin with nothing."""
        self._results = results
        self._blocks: list[ContentBlock] = []
        self._remarks: list[str] = []

    def remark(self, text: str) -> None:
        """Add what there is to say beside the result."""
        self._remarks.append(text)

    def plain(self, value: Any) -> Any:
        """Give a value as plain JSON; what is seen or heard becomes content of its own."""
        plain = to_json(self._replaced(value), lambda array: summarise(array, self._results.folder))
        text = json.dumps(plain, ensure_ascii=False)
        # No UTF-8 holds half of a surrogate pair.
        return plain if text.isascii() else json.loads(_readable(text))

    def result(self, tool: McpTool, plain: Any) -> ToolResult:
        """Give a tool's result of a plain value."""
        text = _text(tool, plain)
        clipped = self._clipped(text, plain)
        structured: dict[str, Any] = {"result": plain} if tool.is_wrapped else plain
        if clipped is not None:
            text, file = clipped
            note = f"too long to show; the whole is in {file}"
            structured = {"note": note, "file": str(file), "shown": text}
        elif not _fits(structured, tool):
            note = "the function gave something else than it says it gives"
            structured = {"note": note, "shown": plain}
        remarks = [TextContent(type="text", text=each) for each in self._remarks]
        return ToolResult(
            content=[TextContent(type="text", text=text), *self._blocks, *remarks],
            structured_content=structured,
        )

    def _replaced(self, value: Any) -> Any:
        """Put words in the place of media, and hold references."""
        if isinstance(value, Ref):
            self._results.hold(value)
            return value
        if isinstance(value, Media):
            return self._media(value)
        if is_picture(value):
            return self._media(picture_media(value))
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

    def _media(self, media: Media) -> dict[str, Any]:
        block = media_block(media, self._results.folder)
        if block is None:
            file = media_file(media, self._results.folder)
            return {"mime": media.mime, "data": f"in {file}"}
        self._blocks.append(block)
        # The text of the result is the first content.
        return {"mime": media.mime, "data": f"content {len(self._blocks) + 1} of this result"}

    def _clipped(self, text: str, plain: Any) -> tuple[str, Path] | None:
        folder = self._results.folder
        if isinstance(plain, list) and len(text) > MOST_CHARACTERS:
            return _clipped_list(text, plain, folder)
        clipped = clip(text, folder, ".txt" if isinstance(plain, str) else ".json")
        return clipped and (str(clipped), clipped.file)


def _fits(structured: Any, tool: McpTool) -> bool:
    try:
        return bool(Draft202012Validator(tool.output_schema).is_valid(structured))
    except (re.error, OverflowError):
        # Other patterns than Python's, numbers that have no ratio: clients cannot tell either.
        return True


def _text(tool: McpTool, plain: Any) -> str:
    if isinstance(plain, str):
        return plain
    if plain is None and tool.returns_nothing:
        return "done"
    return json.dumps(plain, ensure_ascii=False)


def _clipped_list(text: str, items: list[Any], folder: Path) -> tuple[str, Path]:
    """Show the first and the last items, as many as there is room for."""
    file = keep(text.encode(), folder, "result", ".json")
    head = _fitting(items, MOST_CHARACTERS - _END)
    tail = _fitting(reversed(items[len(head) :]), _END)[::-1]
    missing = len(items) - len(head) - len(tail)
    note = f"[{missing:,} of {len(items):,} items are left out; the whole is in {file}]"
    return f"[{', '.join(head)}\n{note}\n{', '.join(tail)}]", file


def _fitting(items: Iterable[Any], most: int) -> list[str]:
    fitting: list[str] = []
    for item in items:
        text = json.dumps(item, ensure_ascii=False)
        most -= len(text) + 2
        if most < 0:
            break
        fitting.append(text)
    return fitting


def _readable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
