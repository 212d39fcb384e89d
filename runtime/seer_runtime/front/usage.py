"""What is asked of a sandbox right now, beside its sessions: loads, commands, files."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from seer_runtime.front.auth import refuse
from seer_runtime.front.surrounding import surrounded
from seer_runtime.wire.limits import SESSION_METHOD

_NO_USE = ("/grpc.health.v1.Health/", "/seer.v1.Runtime/Stop", SESSION_METHOD)
"""Methods that say nothing of whether the sandbox is needed; sessions are counted themselves."""

_LOOK = 0.02


class Usage(grpc.aio.ServerInterceptor):
    """Counts the calls of methods that have no answer yet, and lets no more in on demand."""

    def __init__(self) -> None:
        """Begin with none."""
        self._under_way = 0
        self._last_end = time.monotonic()
        self._is_draining = False

    @property
    def last_use(self) -> float:
        """When the last one ended: now, while there are any."""
        return time.monotonic() if self._under_way else self._last_end

    def drain(self) -> None:
        """Refuse what comes from now on."""
        self._is_draining = True

    async def rest(self) -> None:
        """Wait until none is under way."""
        while self._under_way:
            await asyncio.sleep(_LOOK)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Hand the call on, and count it meanwhile."""
        handler = await continuation(handler_call_details)
        if handler is None or handler_call_details.method.startswith(_NO_USE):
            return handler
        if self._is_draining:
            return refuse(grpc.StatusCode.UNAVAILABLE, "the sandbox is about to end (draining)")
        return surrounded(handler, self._counting)

    @asynccontextmanager
    async def _counting(self, _: Any) -> AsyncIterator[None]:
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._last_end = time.monotonic()
