"""Notice that nobody has used a sandbox for some time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


async def idle(seconds: float, last_use: Callable[[], float]) -> None:
    """Wait until it has not been used for so long; `last_use` says when it was: now, if it is."""
    while (left := last_use() + seconds - time.monotonic()) > 0:
        await asyncio.sleep(left)
