"""Notice that nobody needs this front any more."""

from __future__ import annotations

import asyncio
import signal
import sys


async def stop_reason(is_detached: bool) -> str:
    """Wait until something says to stop; give what it was.

    The owner holds standard input, a pipe, open; where the front is detached from it, its end
    means nothing.
    """
    loop = asyncio.get_running_loop()
    said: asyncio.Future[str] = loop.create_future()

    def say(text: str) -> None:
        if not said.done():
            said.set_result(text)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, say, f"received {number.name}")
    if not is_detached:
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        closed = asyncio.create_task(reader.read())
        closed.add_done_callback(lambda _: say("the owner closed the pipe"))
    return await said
