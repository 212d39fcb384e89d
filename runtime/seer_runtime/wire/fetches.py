"""What a job that fetches a model says while it runs, and how it ends."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

MARKER = ".seer-whole"
"""The file that says that a model's folder is whole. It is written last."""


class FetchEnd(IntEnum):
    """Exit statuses of a job that failed."""

    GATED = 20
    UNKNOWN = 21
    UNREACHABLE = 22
    NO_ROOM = 23
    NOT_HIDDEN = 24


@dataclass(frozen=True)
class FetchReport:
    """A line of what the job prints."""

    done: int = 0
    """Bytes."""

    total: int = 0
    commit: str = ""
    """The one that a revision stands for."""

    problem: str = ""
    """What went wrong, in words."""

    def to_line(self) -> str:
        """Give the line, without its end."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_line(cls, line: str) -> Self | None:
        """Read a line; None where it is something else."""
        try:
            return cls(**json.loads(line))
        except (TypeError, ValueError):
            return None
