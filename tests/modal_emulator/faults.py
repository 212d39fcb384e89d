"""Faults: what tests have go wrong with the next calls of a method."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from grpclib import GRPCError, Status


@dataclass(frozen=True)
class Fault:
    """What becomes of one call."""

    status: Status | None = None
    """None: it goes on, after the delay."""

    message: str = "injected"
    delay: float = 0.0
    """Seconds."""

    is_after: bool = False
    """Whether the call runs and only its answer is lost."""


class Faults:
    """Faults by method; each strikes once, in the order of planning."""

    def __init__(self) -> None:
        """Plan nothing."""
        self._planned: defaultdict[str, deque[Fault]] = defaultdict(deque)

    def plan(self, method: str, *faults: Fault) -> None:
        """Plan what happens to the next calls of a method, one each."""
        self._planned[method].extend(faults)

    def unavailable(self, method: str, times: int = 1) -> None:
        """Refuse calls as a server does that is about to restart."""
        self.plan(method, *[Fault(Status.UNAVAILABLE)] * times)

    def exhausted(self, method: str, message: str, times: int = 1) -> None:
        """Refuse calls for lack of capacity or quota."""
        self.plan(method, *[Fault(Status.RESOURCE_EXHAUSTED, message)] * times)

    def delay(self, method: str, seconds: float, times: int = 1) -> None:
        """Begin calls late."""
        self.plan(method, *[Fault(delay=seconds)] * times)

    def drop(self, method: str, times: int = 1) -> None:
        """Do what is asked and lose the answer."""
        self.plan(method, *[Fault(Status.UNAVAILABLE, is_after=True)] * times)

    @asynccontextmanager
    async def around(self, method: str) -> AsyncIterator[None]:
        """Let the method's next fault strike before or after what happens inside."""
        planned = self._planned[method]
        fault = planned.popleft() if planned else Fault()
        await asyncio.sleep(fault.delay)
        if not fault.is_after:
            _strike(fault)
        yield
        _strike(fault)


def _strike(fault: Fault) -> None:
    if fault.status is not None:
        raise GRPCError(fault.status, fault.message)
