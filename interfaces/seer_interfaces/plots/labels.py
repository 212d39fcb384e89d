"""Tokens as text on an axis: visible, short, and in letters that there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from matplotlib import font_manager

_VISIBLE = {" ": "\N{OPEN BOX}", "\n": "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}", "\t": "\u21e5"}
_OTHER_SCRIPTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
    "Hiragino Sans",
    "PingFang SC",
    "Microsoft YaHei",
    "Arial Unicode MS",
    "Noto Sans",
)


def shown(token: str, longest: int = 14) -> str:
    r"""Give a token as it is shown: spaces too, the middle of long ones left out.

    Letters that no font here has are escapes: `\u4e2d`.
    """
    text = "".join(_VISIBLE.get(each) or _drawable(each) for each in token)
    if len(text) <= longest:
        return text
    head = (longest - 1) * 2 // 3
    return f"{text[:head]}\N{HORIZONTAL ELLIPSIS}{text[head + 1 - longest :]}"


def tokens_shown(tokens: Iterable[str], longest: int = 14) -> list[str]:
    """Give tokens as they are shown."""
    return [shown(each, longest) for each in tokens]


def legible(text: str) -> str:
    """Give text with escapes for letters that no font here has."""
    return "".join(each if each == "\n" else _drawable(each) for each in text)


def as_it_is(text: Any) -> None:
    """Have text of a plot say what it says: dollars are no mathematics, any font will do."""
    text.set(text=legible(text.get_text()), parse_math=False, family=families())


def name_ticks(axis: Any, names: Sequence[str], room: float, **style: Any) -> None:
    """Name the places of an axis, as many as its length in inches has room for."""
    most = max(int(room / 0.13), 1)
    every = -(-len(names) // most)
    chosen = range(0, len(names), every)
    axis.set_ticks(chosen, [names[number] for number in chosen], **style)
    for label in axis.get_ticklabels():
        as_it_is(label)


@cache
def families() -> list[str]:
    """Name the fonts to take letters from, the first that has one winning."""
    known = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in _OTHER_SCRIPTS if name in known)]


@cache
def _drawable(letter: str) -> str:
    """Give a letter, or its escape where it cannot be seen."""
    has_glyph = any(font.get_char_index(ord(letter)) for font in _fonts())
    return letter if letter.isprintable() and has_glyph else ascii(letter)[1:-1]


@cache
def _fonts() -> list[Any]:
    return [font_manager.get_font(font_manager.findfont(name)) for name in families()]
