"""Calls that go on without whoever made them, in the words in which shells and MCP tell of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

RUNNING = "running"

_LAST_ITEMS = 20


class Progress(NamedTuple):
    """How far a call is."""

    done: float
    total: float | None
    message: str

    @classmethod
    def of(cls, done: float | None, total: float | None, message: str) -> Self | None:
        """Take what a function said; None where it said no number that JSON has."""
        if done is None or not math.isfinite(done):
            return None
        return cls(done, total if total is not None and math.isfinite(total) else None, message)

    def __str__(self) -> str:
        """Say it in words."""
        whole = f" of {self.total:g}" if self.total is not None else ""
        return f"{self.done:g}{whole} {self.message}".strip()


def job_so_far(job_id: str, progress: Progress | None, items: Sequence[Any]) -> dict[str, Any]:
    """Tell of a job that runs: what it said of its progress, and how many items its stream gave."""
    told: dict[str, Any] = {"job_id": job_id, "status": RUNNING}
    if progress is not None:
        told["progress"] = progress._asdict()
    if items:
        told["items_so_far"] = len(items)
    return told


def last_items(items: Sequence[Any]) -> Sequence[Any]:
    """Give those items of a stream that are shown while there may be more."""
    return items[-_LAST_ITEMS:]
