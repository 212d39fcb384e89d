"""Async functions and async generators."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

EXAMPLES = [
    ("later", {"text": "a"}, "a"),
    ("gathered", {"count": 3}, [0, 1, 2]),
    ("tokens", {"text": "a b"}, ["a", "b"]),
    ("numbers", {}, [1, 2]),
    ("nothing", {}, None),
]
FAILURES = [("fails", {}, "KeyError")]


@expose
async def later(text: str, seconds: float = 0.0) -> str:
    """Give the text back, later."""
    await asyncio.sleep(seconds)
    return text


@expose
async def gathered(count: int) -> list[int]:
    """Do several things at once."""

    async def one(number):
        await asyncio.sleep(0)
        return number

    return await asyncio.gather(*map(one, range(count)))


@expose
async def tokens(text: str) -> AsyncIterator[str]:
    """Give one word after another."""
    for word in text.split():
        yield word


@expose
async def numbers() -> AsyncGenerator[int, None]:
    """Give numbers."""
    yield 1
    yield 2


@expose
async def nothing() -> None:
    """Do nothing, later."""


@expose
async def fails() -> int:
    """Fail."""
    raise KeyError("x")
