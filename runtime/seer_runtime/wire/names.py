"""Names as people read them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def qualified_name(cls: type) -> str:
    """Name a class with its module; builtins without it."""
    if cls.__module__ == "builtins":
        return cls.__qualname__
    return f"{cls.__module__}.{cls.__qualname__}"


def encodable(text: str) -> str:
    """Make text of the user's fit for a protobuf string, which has no lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode()


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Give "; did you mean ...?" where one of `names` is much like `name`, else nothing."""
    close = difflib.get_close_matches(name, list(names), 1)
    return f"; did you mean {close[0]!r}?" if close else ""
