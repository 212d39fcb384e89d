"""Waiting for what says nothing when it comes."""

from __future__ import annotations

import time
from collections.abc import Callable

_LOOK = 0.02


def wait_until(condition: Callable[[], bool], seconds: float, look: float = _LOOK) -> bool:
    """Look every `look` seconds whether a condition holds, for so many seconds; tells it."""
    deadline = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(look)
    return holds
