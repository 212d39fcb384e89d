"""Notice that nobody needs this front any more."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import NamedTuple

_POLL = 0.5


class StopReason(NamedTuple):
    """Why a front stops."""

    text: str
    owner_is_gone: bool


async def stop_reason(owner: int | None) -> StopReason:
    """Wait until the owner is gone, or something says to stop.

    Standard input is a pipe that the owner holds open, but a process that the owner forked may
    hold it too: the owner's own life counts as well.
    """
    loop = asyncio.get_running_loop()
    said: asyncio.Future[StopReason] = loop.create_future()

    def say(text: str, owner_is_gone: bool) -> None:
        if not said.done():
            said.set_result(StopReason(text, owner_is_gone))

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, say, f"received {number.name}", False)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    closed = asyncio.create_task(reader.read())
    closed.add_done_callback(lambda _: say("the owner closed the pipe", True))
    while owner is not None and not said.done():
        await asyncio.wait([said], timeout=_POLL)
        if os.getppid() != owner:
            say("the owner died", True)
    return await said
