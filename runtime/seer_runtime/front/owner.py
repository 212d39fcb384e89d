"""Notice that nobody needs this front any more."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from seer_runtime.front.ending import Ending, StopReason

_POLL = 0.5

_GRACE = 10.0
"""Seconds that a signal leaves to what runs."""


def heed_signals(ending: Ending) -> None:
    """End at SIGTERM and SIGINT: at the first one when what runs has ended, at the next one now."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(
            number, ending.say, StopReason(f"received {number.name}", grace=_GRACE)
        )


async def watch_owner(ending: Ending, owner: int | None) -> None:
    """End when the owner is gone.

    Standard input is a pipe that the owner holds open, but a process that the owner forked may
    hold it too: the owner's own life counts as well.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    closed = asyncio.create_task(reader.read())
    reason = StopReason("the owner closed the pipe", owner_is_gone=True)
    closed.add_done_callback(lambda _: ending.say(reason))
    while True:
        await asyncio.sleep(_POLL)
        if owner is not None and os.getppid() != owner:
            ending.say(StopReason("the owner died", owner_is_gone=True))
