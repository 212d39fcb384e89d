"""A class whose methods share the state of one instance."""

from collections.abc import Iterator

EXAMPLES = [
    ("Counter.add", {"by": 2}, 2),
    ("Counter.add", {}, 3),
    ("Counter.value", {}, 3),
    ("Counter.items", {"count": 2}, [3, 4]),
    ("Counter.twice", {"number": 4}, 8),
    ("Counter.made", {}, 1),
    ("Counter.later", {"text": "a"}, "a"),
    ("Counter.reset", {}, None),
    ("Counter.value", {}, 0),
    ("value", {}, "another"),
]
FAILURES = [
    ("Counter.add", {"by": "x"}, "ArgumentError"),
    ("Counter.fail", {}, "ValueError"),
]


@expose(idempotent=True)
class Counter:
    """Counts on.

    It begins with 0.
    """

    _made = 0

    def __init__(self, total: int = 0) -> None:
        Counter._made += 1
        self._total = total

    @expose(destructive=True, idempotent=False)
    def reset(self) -> None:
        """Begin anew."""
        self._total = 0

    def add(self, by: int = 1, /, *more: int) -> int:
        """Count on.

        Args:
            by: How far.
            *more: And further.
        """
        self._total += by + sum(more)
        return self._total

    @expose(read_only=True)
    def value(self) -> int:
        """Give the count."""
        return self._total

    def items(self, count: int) -> Iterator[int]:
        """Give the numbers from here on."""
        yield from range(self._total, self._total + count)

    async def later(self, text: str) -> str:
        """Give it back, later."""
        return text

    @staticmethod
    def twice(number: int) -> int:
        return 2 * number

    @classmethod
    def made(cls) -> int:
        """Tell how many instances there are."""
        return cls._made

    def fail(self) -> None:
        """Fail."""
        raise ValueError("no")

    def _private(self) -> None:
        """Be nobody's business."""


@expose
def value() -> str:
    """Be called as a method is."""
    return "another"
