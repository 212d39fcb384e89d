"""Lines: a notebook's file may have text in lists of them."""

from __future__ import annotations

from typing import Any


def joined(value: Any, name: str = "") -> Any:
    """Give what a file says in lists of lines as it is everywhere else: as text."""
    if isinstance(value, dict):
        return {
            key: each if key == "metadata" else joined(each, key) for key, each in value.items()
        }
    if not isinstance(value, list):
        return value
    is_text = name in ("source", "text") or ("/" in name and not name.endswith("json"))
    if is_text and all(isinstance(each, str) for each in value):
        return "".join(value)
    return [joined(each) for each in value]
