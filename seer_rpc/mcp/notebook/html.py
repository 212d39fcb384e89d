"""HTML as the text that a person would read."""

from __future__ import annotations

import base64
import binascii
import re
from html.parser import HTMLParser
from typing import TypeAlias

from seer_runtime.wire.media import Media

_SILENT = {"script", "style", "head", "template", "noscript"}
_LINES = {"p", "div", "li", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "ul", "ol"}
_CELLS = {"td", "th"}
_SHOWN = {"audio", "video", "iframe", "canvas", "svg"}
_DATA = re.compile(r"data:(image/[\w.+-]+);base64,(.*)", re.S)
_SPACES = re.compile(r"[ \t\r\f]+")
_EMPTY_LINES = re.compile(r"\n\s*\n\s*\n+")

_Attributes: TypeAlias = "list[tuple[str, str | None]]"


class Page(HTMLParser):
    """Reads HTML; nothing in it is fetched or run."""

    def __init__(self, html: str) -> None:
        """Read all of it."""
        super().__init__(convert_charrefs=True)
        self.pictures: list[Media] = []
        self._parts: list[str] = []
        self._silent = self._verbatim = self._cells = 0
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        """What there is to read: a line for each paragraph, and for each row of a table."""
        lines = [line.strip(" ") for line in "".join(self._parts).split("\n")]
        return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip("\n")

    def handle_starttag(self, tag: str, attrs: _Attributes) -> None:
        """Take note of what begins."""
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
            self._picture(dict(attrs))
        elif tag in _SHOWN:
            self._parts.append(f"[{tag}]")

    def handle_endtag(self, tag: str) -> None:
        """Take note of what ends."""
        self._silent = max(0, self._silent - (tag in _SILENT))
        self._verbatim = max(0, self._verbatim - (tag == "pre"))
        if tag in _LINES:
            self._break()

    def handle_data(self, data: str) -> None:
        """Take text."""
        if self._silent:
            return
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

    def _picture(self, attributes: dict[str, str | None]) -> None:
        match = _DATA.match(attributes.get("src") or "")
        said = attributes.get("alt") or "image"
        self._parts.append(f"[{said}]")
        if match:
            try:
                data = base64.b64decode(match[2], validate=False)
            except binascii.Error:
                return
            self.pictures.append(Media(data, match[1]))
