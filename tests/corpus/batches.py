"""Functions that take several calls at once."""

EXAMPLES = [("shout", {"texts": "a"}, "A"), ("add", {"first": 1, "second": 2}, 3)]


@expose(batch=True, max_wait_ms=1)
def shout(texts: list[str]) -> list[str]:
    """Shout each text."""
    return [text.upper() for text in texts]


@expose(batch=True, max_batch=4, max_wait_ms=1)
async def add(first: list[int], second: list[int]) -> list[int]:
    """Add each pair."""
    return [a + b for a, b in zip(first, second)]
