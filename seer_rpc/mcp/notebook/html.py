"""HTML as the text that a person would read."""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Mapping

from seer_runtime.wire.media import Media

_SILENT = {"script", "style", "head", "template", "noscript"}
_LINES = {"p", "div", "li", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "ul", "ol"}
_CELLS = {"td", "th"}
_SHOWN = {"audio", "video", "iframe", "canvas", "svg"}
_DATA = re.compile(r"data:(image/[\w.+-]+);base64,(.*)", re.S)
_SPACES = re.compile(r"[ \t\r\f]+")
_EMPTY_LINES = re.compile(r"\n\s*\n\s*\n+")

# Each match goes on to the end of the text where nothing else ends it: what is broken, or meant to
# hurt, is read once, too. The standard library's parser takes hours for some of it.
_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<[!?][^>]*+(?:>|\Z)"
    r"|<(?P<end>/?)(?P<tag>[a-z][^\s/>]*+)"
    r"(?P<attributes>(?:=\s*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|)|[^>=]++)*+)(?:>|\Z)",
    re.S | re.I,
)
_ATTRIBUTE = re.compile(
    r"(?P<name>[^\s\"'/=]++)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"']++)))?"
)
_VERBATIM_ENDS = {name: re.compile(rf"</{name}(?=[\s/>])|\Z", re.I) for name in ("script", "style")}


class Page:
    """Reads HTML; nothing in it is fetched or run."""

    def __init__(self, content: str) -> None:
        """Read all of it."""
        self.pictures: list[Media] = []
        self._parts: list[str] = []
        self._silent = self._verbatim = self._cells = 0
        self._read(content)

    @property
    def text(self) -> str:
        """What there is to read: a line for each paragraph, and for each row of a table."""
        lines = [line.strip(" ") for line in "".join(self._parts).split("\n")]
        return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip("\n")

    def _read(self, content: str) -> None:
        place = 0
        while (markup := _MARKUP.search(content, place)) is not None:
            self._say(content[place : markup.start()])
            place = self._mark(markup, content)
        self._say(content[place:])

    def _mark(self, markup: re.Match[str], content: str) -> int:
        """Heed what is no text; gives where to go on."""
        if markup["tag"] is None:
            return markup.end()
        tag = markup["tag"].lower()
        if markup["end"]:
            self._end(tag)
            return markup.end()
        self._begin(tag, markup["attributes"])
        if tag not in _VERBATIM_ENDS:
            return markup.end()
        end = _VERBATIM_ENDS[tag].search(content, markup.end())
        return end.start() if end is not None else len(content)

    def _begin(self, tag: str, attributes: str) -> None:
        self._silent += tag in _SILENT
        self._verbatim += tag == "pre"
        if tag == "br" or tag in _LINES:
            self._break()
        if tag == "tr":
            self._cells = 0
        if tag in _CELLS:
            self._parts.append(" | " if self._cells else "")
            self._cells += 1
        if tag == "li":
            self._parts.append("- ")
        if tag == "img":
            self._picture(_read_attributes(attributes))
        elif tag in _SHOWN:
            self._parts.append(f"[{tag}]")

    def _end(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in _SILENT))
        self._verbatim = max(0, self._verbatim - (tag == "pre"))
        if tag in _LINES:
            self._break()

    def _say(self, text: str) -> None:
        if self._silent or not text:
            return
        data = _unescaped(text)
        if self._verbatim:
            self._parts.append(data)
        elif data.strip() or not self._is_at_begin:
            self._parts.append(_SPACES.sub(" ", data.replace("\n", " ")))

    @property
    def _is_at_begin(self) -> bool:
        """Whether a line, or a cell, is empty so far."""
        return not self._parts or self._parts[-1].endswith(("\n", "| "))

    def _break(self) -> None:
        if self._parts and not self._parts[-1].endswith("\n"):
            self._parts.append("\n")

    def _picture(self, attributes: Mapping[str, str]) -> None:
        match = _DATA.match(attributes.get("src", ""))
        said = attributes.get("alt") or "image"
        self._parts.append(f"[{said}]")
        if match:
            try:
                data = base64.b64decode(match[2], validate=False)
            except binascii.Error:
                return
            self.pictures.append(Media(data, match[1]))


def _read_attributes(text: str) -> dict[str, str]:
    return {
        match["name"].lower(): _unescaped("".join(filter(None, match.groups()[1:])))
        for match in _ATTRIBUTE.finditer(text)
    }


def _unescaped(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:
        # A character whose number has thousands of digits.
        return text
