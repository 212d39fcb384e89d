"""Functions that share the module's state."""

from typing import Optional

EXAMPLES = [
    ("last", {}, None),
    ("remember", {"text": "a"}, 1),
    ("remember", {"text": "b"}, 2),
    ("last", {}, "b"),
    ("forget", {}, None),
    ("last", {}, None),
]

_texts: list[str] = []
_last: Optional[str] = None


@expose
def remember(text: str) -> int:
    """Remember a text; give how many there are."""
    global _last
    _texts.append(text)
    _last = text
    return len(_texts)


@expose
def last() -> Optional[str]:
    """Give the text that was remembered last."""
    return _last


@expose
def forget() -> None:
    """Forget everything."""
    global _last
    _texts.clear()
    _last = None
