"""When and why a front ends: asked by its owner, by a signal, or by the clock."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from seer_runtime.wire.exits import OLD, UNUSED
from seer_runtime.wire.settings import Settings


class StopReason(NamedTuple):
    """Why a front stops."""

    text: str
    grace: float = 0.0
    """Seconds that what runs has to end."""


class Ending:
    """The end of a front, once there is a reason for it."""

    def __init__(self) -> None:
        """Go on for the time being."""
        self._reason: asyncio.Future[StopReason] = asyncio.get_running_loop().create_future()
        self._must_hurry = asyncio.Event()

    def say(self, reason: StopReason) -> None:
        """End; whoever says so for a second time cannot wait."""
        if self._reason.done():
            self._must_hurry.set()
        else:
            self._reason.set_result(reason)

    def ask(self, grace: float) -> None:
        """End at the request of somebody with the owner's token."""
        self.say(StopReason("it was asked to stop", grace=grace))

    async def reason(self) -> StopReason:
        """Wait for it."""
        return await self._reason

    async def give_grace(self, draining: asyncio.Task[None], seconds: float) -> None:
        """Let it drain, as long as there is time."""
        hurrying = asyncio.create_task(self._must_hurry.wait())
        await asyncio.wait(
            [draining, hurrying], timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        hurrying.cancel()
        draining.cancel()


def end_of_life(settings: Settings) -> StopReason:
    """Say that it has run for as long as it was to."""
    return StopReason(f"{OLD} of {settings.lifetime} s, SandboxConfig(timeout=...)")


def end_of_use(settings: Settings) -> StopReason:
    """Say that nobody used it."""
    return StopReason(
        f"{UNUSED} {settings.idle_timeout:g} s without use, SandboxConfig(idle_timeout=...)"
    )
