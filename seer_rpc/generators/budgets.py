"""Texts that have to fit: what is told in less detail when there is no room for more."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

_BYTES = 3
"""Bytes of UTF-8 to a token. Today's tokenizers need fewer tokens for English and for code, so
that what fits by this estimate fits."""


def estimate_tokens(text: str) -> int:
    """Give the tokens that a text takes at most: one for every three bytes of UTF-8."""
    return -(-size_of(text) // _BYTES)


def size_of(text: str) -> int:
    """Give the bytes of a text."""
    return len(text.encode("utf-8", "surrogatepass"))


def room_of(tokens: int) -> int:
    """Give the bytes that so many tokens have room for."""
    return tokens * _BYTES


def fit(versions: Sequence[Sequence[str]], room: int) -> list[str] | None:
    """Choose of each text a version, so that all of them together have at most `room` bytes.

    `versions` are those of each text, with ever less detail. One level of detail after the other is
    given up, first where that saves most; what there is room for in the end is taken back. None
    where the shortest do not fit.
    """
    # What is said in other words must not take more room.
    texts = [list(accumulate(text, _shorter)) for text in versions]
    sizes = [[size_of(version) for version in text] for text in texts]
    levels = range(1, max(map(len, sizes), default=0))
    chosen = [0] * len(texts)
    total = sum(each[0] for each in sizes)
    steps = [(level, number) for level in levels for number in _by_savings(sizes, level)]
    for level, number in steps:
        if total > room:
            chosen[number] = level
            total -= _saving(sizes[number], level)
    for level, number in reversed(steps):
        saving = _saving(sizes[number], level)
        if chosen[number] == level and total + saving <= room:
            chosen[number] = level - 1
            total += saving
    if total > room:
        return None
    return [text[level] for text, level in zip(texts, chosen, strict=True)]


def _by_savings(sizes: Sequence[Sequence[int]], level: int) -> list[int]:
    """Give the numbers of the texts that have such a level, those where it saves most first."""
    numbers = [number for number, each in enumerate(sizes) if level < len(each)]
    return sorted(numbers, key=lambda number: -_saving(sizes[number], level))


def _saving(sizes: Sequence[int], level: int) -> int:
    return sizes[level - 1] - sizes[level]


def _shorter(first: str, second: str) -> str:
    return min(first, second, key=size_of)
