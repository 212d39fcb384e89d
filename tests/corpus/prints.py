"""Functions that print, start loops of their own, and log."""

import asyncio
import logging
import sys

EXAMPLES = [
    ("say", {"text": "a"}, "a"),
    ("warn", {"text": "a"}, None),
    ("loop", {"text": "a"}, "a"),
]


@expose
def say(text: str) -> str:
    """Print the text."""
    print(text)
    print(text, file=sys.stderr, end="")
    return text


@expose
def warn(text: str) -> None:
    """Log the text."""
    logging.getLogger(__name__).warning("%s", text)


@expose
def loop(text: str) -> str:
    """Run something async from a plain function."""

    async def later():
        return text

    return asyncio.run(later())
