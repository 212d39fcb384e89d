"""Notice that nobody needs this front any more."""

from __future__ import annotations

import asyncio
import signal
import sys

from seer_runtime.front.ending import Ending, StopReason
from seer_runtime.wire.settings import RELEASE

_GRACE = 10.0
"""Seconds that a signal leaves to what runs."""


def heed_signals(ending: Ending) -> None:
    """End at SIGTERM and SIGINT: at the first one when what runs has ended, at the next one now."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        reason = StopReason(f"received {number.name}", grace=_GRACE)
        loop.add_signal_handler(number, ending.say, reason)


async def watch_owner(ending: Ending) -> None:
    """End when the owner, which holds standard input, a pipe, open, is gone.

    Not if it has said that the sandbox outlives it.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    if await reader.read() != RELEASE:
        ending.say(StopReason("the owner closed the pipe"))
