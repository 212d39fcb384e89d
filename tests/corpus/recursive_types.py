"""Types that speak of themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict

EXAMPLES = [
    ("depth", {"tree": {"value": 1, "children": [{"value": 2, "children": []}]}}, 2),
    ("chain", {"length": 2}, {"value": 2, "next": {"value": 1, "next": None}}),
    ("count", {"folder": {"name": "a", "folders": [{"name": "b", "folders": []}]}}, 2),
]
FAILURES = [
    ("depth", {"tree": {"value": 1, "children": [{"value": "x"}]}}, "ArgumentError"),
]


@dataclass
class Tree:
    """A value, and trees below it."""

    value: int
    children: list[Tree] = field(default_factory=list)


@dataclass
class Chain:
    value: int
    next: Chain | None = None


class Folder(TypedDict):
    name: str
    folders: list[Folder]


@expose
def depth(tree: Tree) -> int:
    """Give the depth of a tree."""
    return 1 + max((depth(child) for child in tree.children), default=0)


@expose
def chain(length: int) -> Chain:
    """Make a chain."""
    made = None
    for value in range(1, length + 1):
        made = Chain(value, made)
    return made


@expose
def count(folder: Folder) -> int:
    """Count folders."""
    return 1 + sum(map(count, folder["folders"]))
