"""Notice that nobody needs this front any more."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from seer_runtime.front.ending import Ending, StopReason
from seer_runtime.front.idleness import idle

_GRACE = 10.0
"""Seconds that a signal leaves to what runs."""


def heed_signals(ending: Ending) -> None:
    """End at SIGTERM and SIGINT: at the first one when what runs has ended, at the next one now."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        reason = StopReason(f"received {number.name}", grace=_GRACE)
        loop.add_signal_handler(number, ending.say, reason)


class Owner:
    """Who started the sandbox, and may end without a word."""

    def __init__(self) -> None:
        """It lives, and the sandbox is to end with it."""
        self._is_released = False

    def release(self) -> None:
        """Have its end mean nothing from now on."""
        self._is_released = True

    async def watch_pipe(self, ending: Ending) -> None:
        """End when it, which holds standard input, a pipe, open, is gone."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await reader.read()
        if not self._is_released:
            ending.say(StopReason("the owner closed the pipe"))

    async def watch_calls(
        self, ending: Ending, seconds: float, last_heard: Callable[[], float]
    ) -> None:
        """End when neither it nor anybody else has been heard for so long."""
        await idle(seconds, last_heard)
        if not self._is_released:
            ending.say(StopReason(f"its owner has not been heard of for {seconds:g} s"))


class Hearing(grpc.aio.ServerInterceptor):
    """Notes calls, let in or not: an owner that only shows that it lives has no token with it."""

    def __init__(self) -> None:
        """Begin as if there had just been one."""
        self.last = time.monotonic()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Hand the call on."""
        self.last = time.monotonic()
        return await continuation(handler_call_details)
