"""Notice that nobody needs this front any more."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

_POLL = 0.5


async def owner_gone(owner: int | None) -> str:
    """Wait until the owner is gone or says to stop; say which.

    Standard input is a pipe that the owner holds open, but a process that the owner forked may
    hold it too: the owner's own life counts as well.
    """
    loop = asyncio.get_running_loop()
    gone: asyncio.Future[str] = loop.create_future()

    def say(reason: str) -> None:
        if not gone.done():
            gone.set_result(reason)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, say, f"received {number.name}")
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    closed = asyncio.create_task(reader.read())
    closed.add_done_callback(lambda _: say("the owner closed the pipe"))
    while owner is not None and not gone.done():
        await asyncio.wait([gone], timeout=_POLL)
        if os.getppid() != owner:
            say("the owner died")
    return await gone
