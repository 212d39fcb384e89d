"""Outputs of cells as what a model can read and see."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seer_rpc.execution.cells import Output, joined, without_colours
from seer_rpc.mcp.notebook.html import Page
from seer_rpc.mcp.notebook.pictures import RASTERS
from seer_runtime.wire.media import Media

_SVG = "image/svg+xml"
_JSON = "application/json"
_TEXTS = ("text/markdown", "text/latex", "text/html", _SVG, _JSON, "application/javascript")
"""What stands in for a text that says nothing, the best first."""

_SAYS_NOTHING = re.compile(r"<[\w.]+(?: object)?(?: at 0x[0-9a-f]+)?>|<Figure size .*>", re.S)
"""How objects are told that do not say what they are."""

_INPUT = "StdinNotImplementedError"


@dataclass
class ShownOutput:
    """One output, read."""

    kind: str
    """stream, display, result or error."""

    label: str
    """stdout or stderr, the kinds of its data, or the name of the error."""

    text: str
    pictures: list[Media] = field(default_factory=list)


def shown_output(output: Output) -> ShownOutput:
    """Read an output."""
    match output.get("output_type"):
        case "stream":
            text = without_colours(joined(output.get("text")))
            return ShownOutput("stream", str(output.get("name", "stdout")), text)
        case "error":
            return _error(output)
        case "execute_result":
            return _display("result", _data(output))
    return _display("display", _data(output))


def _error(output: Output) -> ShownOutput:
    name = str(output.get("ename", "error"))
    text = without_colours(joined(output.get("traceback"), "\n"))
    text = text or f"{name}: {output.get('evalue', '')}"
    if name == _INPUT:
        text += "\n\nNobody can answer input() here: put the value into the code."
    return ShownOutput("error", name, text)


def _display(kind: str, data: Mapping[str, Any]) -> ShownOutput:
    pictures = [_picture(data[mime], mime) for mime in RASTERS if mime in data][:1]
    plain = without_colours(joined(data.get("text/plain")))
    shown = ShownOutput(kind, ", ".join(data), plain, [each for each in pictures if each])
    if not plain or _SAYS_NOTHING.fullmatch(plain.strip()):
        _say_more(shown, data)
    return shown


def _say_more(shown: ShownOutput, data: Mapping[str, Any]) -> None:
    """Have another of its kinds say what its text does not."""
    if shown.pictures:
        return
    for mime in _TEXTS:
        if mime not in data:
            continue
        text = _as_text(mime, data[mime], shown.pictures)
        if text or shown.pictures:
            shown.text = text
            return
    others = [mime for mime in data if mime != "text/plain"]
    if others:
        sizes = [f"{mime}, {len(json.dumps(data[mime])):,} characters" for mime in others]
        shown.text = "\n".join(filter(None, [shown.text, f"[{'; '.join(sizes)}]"]))


def _as_text(mime: str, content: Any, pictures: list[Media]) -> str:
    if mime == _JSON:
        return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    text = joined(content)
    if mime == "text/html":
        page = Page(text)
        pictures += page.pictures
        return page.text
    return f"SVG image:\n{text}" if mime == _SVG else text


def _picture(content: Any, mime: str) -> Media | None:
    try:
        return Media(base64.b64decode(joined(content)), mime)
    except (binascii.Error, ValueError):
        return None


def _data(output: Output) -> Mapping[str, Any]:
    data = output.get("data")
    return data if isinstance(data, dict) else {}
