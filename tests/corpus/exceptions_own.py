"""Exceptions of the interface's own."""

EXAMPLES = [("read", {"text": "a b"}, ["a", "b"])]
FAILURES = [
    ("read", {"text": ""}, "EmptyTextError"),
    ("read", {"text": "bad"}, "WordError"),
    ("divide", {"by": 0}, "ZeroDivisionError"),
    ("lose", {}, "LostError"),
]


class WordError(Exception):
    """What is wrong with "words"."""


class EmptyTextError(WordError, ValueError):
    def __init__(self, position: int = 0) -> None:
        super().__init__(f"no text at {position}")
        self.position = position


class LostError(LookupError):
    """Something is lost."""


@expose
def read(text: str) -> list[str]:
    """Read words."""
    if not text:
        raise EmptyTextError(3)
    if text == "bad":
        raise WordError(text)
    return text.split()


@expose
def divide(by: int) -> float:
    """Divide one."""
    return 1 / by


@expose
def lose() -> None:
    """Lose something."""
    raise LostError("gone")
