"""Classes whose fields hide the builtins that their own hints need."""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from typing import NamedTuple

EXAMPLES = [
    ("emit", {"event": {"bytes": "AA==", "list": [1]}}, {"bytes": "AA==", "list": [1], "str": ""}),
    ("index", {"row": [1, 2]}, {"int": 1, "length": 2}),
]


@dataclass
class Event:
    bytes: builtins.bytes
    list: builtins.list[int]
    str: builtins.str = ""


class Row(NamedTuple):
    int: builtins.int
    length: builtins.int


@expose
def emit(event: Event) -> Event:
    """Give the event back."""
    return event


@expose
def index(row: Row) -> Row:
    """Give the row back."""
    return row
