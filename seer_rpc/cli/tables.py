"""Tables for people, and how times and sizes are shown in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE = 200
"""Characters of a line where nobody reads a terminal."""

_DAY = 86_400


def console() -> Console:
    """Give what prints tables."""
    made = Console(highlight=False)
    if not made.is_terminal:
        made.width = _WIDE
    return made


def table(*columns: str) -> Table:
    """Give an empty one, whose last column is cut where there is no room."""
    made = Table(*columns, box=None, pad_edge=False)
    for column in made.columns:
        column.no_wrap = True
    made.columns[-1].overflow = "ellipsis"
    return made


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Text]]) -> None:
    """Print one."""
    made = table(*columns)
    for row in rows:
        made.add_row(*row)
    console().print(made)


def shown_time(iso: str) -> str:
    """Show a time of ISO 8601 as the clock here has it."""
    return f"{datetime.fromisoformat(iso).astimezone():%Y-%m-%d %H:%M}"


def shown_duration(seconds: float) -> str:
    """Show how long something is, in the one unit or two that matter."""
    whole = max(0, round(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // _DAY
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"
