"""Python's parser, and what uses it, one thread at a time.

Before 3.11.8 and 3.12.2, two threads that build syntax trees at once get a `SystemError` now and
then (CPython's issue 106905).
"""

from __future__ import annotations

import ast
import threading

from packaging.requirements import Requirement

_lock = threading.Lock()


def parse_module(source: str | bytes) -> ast.Module:
    """Do as `ast.parse`."""
    with _lock:
        return ast.parse(source)


def parse_expression(text: str) -> ast.expr:
    """Do as `ast.parse` for an expression."""
    with _lock:
        return ast.parse(text, mode="eval").body


def parse_requirement(text: str) -> Requirement:
    """Make a `Requirement`, whose markers the parser reads."""
    with _lock:
        return Requirement(text)
