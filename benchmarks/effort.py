"""How much is done: enough to believe, or enough to see that it works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """Counts and seconds of one visit."""

    calls: int
    """Small calls timed one by one."""

    seconds: float
    """How long callers call at once, and how long repeats of something slow may go on."""

    repeats: int
    """How often something slow is repeated at most, arrays and processes among it."""

    tokens: int
    """Tokens that a real model generates."""

    prompts: int
    """Prompts that a real model reads."""


FULL = Effort(calls=2000, seconds=3.0, repeats=7, tokens=48, prompts=512)
QUICK = Effort(calls=300, seconds=0.5, repeats=3, tokens=16, prompts=48)
