"""Functions with every option of `@expose`."""

import time

EXAMPLES = [
    ("look", {"key": "a"}, "a"),
    ("remove", {"key": "a"}, True),
    ("again", {"key": "a"}, "a"),
    ("beside", {"key": "a"}, "a"),
    ("quick", {}, "done"),
]
FAILURES = [("quick", {"seconds": 30.0}, "DeadlineExceededError")]


@expose(read_only=True)
def look(key: str) -> str:
    """Look something up."""
    return key


@expose(destructive=True)
def remove(key: str) -> bool:
    """Remove something."""
    return bool(key)


@expose(idempotent=True, read_only=True)
def again(key: str) -> str:
    """Do what can be done twice."""
    return key


@expose(concurrent=True)
def beside(key: str) -> str:
    """Do what can be done beside other things."""
    return key


@expose(timeout=0.5)
async def quick(seconds: float = 0.0) -> str:
    """Take half a second at most."""
    import asyncio

    await asyncio.sleep(seconds)
    return "done"
