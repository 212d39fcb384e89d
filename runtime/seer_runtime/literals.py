"""Values as Python source that means the same anywhere."""

from __future__ import annotations

import ast
import math
from typing import Any

_SIMPLE: frozenset[type] = frozenset({bool, bytes, complex, float, int, str, type(None)})


def source_of(value: object) -> str:
    """Give source that evaluates to `value` anywhere, or nothing where there is none.

    Equal values have equal source: schemas are compared by it.
    """
    if type(value) is float and not math.isfinite(value):
        return f"float({str(value)!r})"
    if type(value) is dict:
        return _dict_source(value)
    if type(value) in (list, tuple, set):
        return _sequence_source(value)
    if type(value) not in _SIMPLE:
        return ""
    try:
        text = repr(value)
        return text if ast.literal_eval(text) == value else ""
    except ValueError:
        # Numbers of very many digits, or ones such as complex("nan").
        return ""


def _dict_source(value: dict[Any, Any]) -> str:
    pairs = [(source_of(key), source_of(each)) for key, each in value.items()]
    if not all(key and each for key, each in pairs):
        return ""
    return "{" + ", ".join(f"{key}: {each}" for key, each in pairs) + "}"


def _sequence_source(value: Any) -> str:
    parts = [source_of(each) for each in value]
    if not all(parts):
        return ""
    if isinstance(value, list):
        return f"[{', '.join(parts)}]"
    if isinstance(value, tuple):
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    # A set's own repr has the order of this process's hashes.
    return "{" + ", ".join(sorted(parts)) + "}" if parts else "set()"
