"""What is asked for twice under one id is done once: a client whose connection broke asks again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

_KEPT = 1_000
"""Answers that are known still."""


class Once:
    """Knows the answers of late."""

    def __init__(self) -> None:
        """Begin with none."""
        self._answers: OrderedDict[str, asyncio.Future[Any]] = OrderedDict()

    async def do(self, request_id: str, work: Callable[[], Awaitable[Any]]) -> Any:
        """Give what the work came to, also where it was begun before. Raises what it does."""
        if not request_id:
            return await work()
        answer = self._answers.get(request_id)
        if answer is None:
            answer = self._answers[request_id] = asyncio.ensure_future(work())
            self._forget()
        # Whoever asked first may be gone; the work goes on.
        return await asyncio.shield(answer)

    def _forget(self) -> None:
        for request_id, answer in list(self._answers.items())[:-_KEPT]:
            if answer.done():
                del self._answers[request_id]
