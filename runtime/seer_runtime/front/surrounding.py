"""Having something around the answer to a call, of whatever kind its method is."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any


def surrounded(handler: Any, around: Callable[[Any], AbstractAsyncContextManager[None]]) -> Any:
    """Give a handler that does as `handler`, inside of what `around` gives for a call's context."""
    asked = "stream" if handler.request_streaming else "unary"
    answered = "stream" if handler.response_streaming else "unary"
    kind = f"{asked}_{answered}"
    method = getattr(handler, kind)

    async def answer(request: Any, context: Any) -> Any:
        async with around(context):
            return await method(request, context)

    async def answers(request: Any, context: Any) -> AsyncIterator[Any]:
        async with around(context), aclosing(method(request, context)) as replies:
            async for reply in replies:
                yield reply

    # A refusal answers any kind of call and is no generator.
    made = answers if inspect.isasyncgenfunction(method) else answer
    return handler._replace(**{kind: made})
