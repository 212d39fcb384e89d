"""Notice that nobody has used a sandbox for some time."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable


def last_write(file: str) -> float:
    """Give when a file was last written to, by the clock that only goes on; 0 if there is none."""
    try:
        age = time.time() - os.lstat(file).st_mtime
    except OSError:
        return 0.0
    return time.monotonic() - max(0.0, age)


async def idle(seconds: float, last_use: Callable[[], float]) -> None:
    """Wait until it has not been used for so long; `last_use` says when it was: now, if it is."""
    while (left := last_use() + seconds - time.monotonic()) > 0:
        await asyncio.sleep(left)
