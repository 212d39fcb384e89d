"""Results that are long."""

EXAMPLES = [
    ("text", {"length": 5}, "xxxxx"),
    ("numbers", {"count": 3}, [0, 1, 2]),
]


@expose
def text(length: int) -> str:
    """Give a text of some length."""
    return "x" * length


@expose
def numbers(count: int) -> list[int]:
    """Give many numbers."""
    return list(range(count))


@expose
def lines(count: int) -> str:
    """Give many lines."""
    return "\n".join(f"line {number}" for number in range(count))


@expose
def data(size: int) -> bytes:
    """Give many bytes."""
    return bytes(size)
