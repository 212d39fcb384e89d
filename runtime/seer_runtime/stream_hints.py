"""Hints that promise one item after another."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Annotated, Any, get_args, get_origin

from seer_runtime.resolution import ALIASES, alias_value

_STREAMS = (AsyncGenerator, AsyncIterator, Generator, Iterator)


def is_stream_hint(hint: Any) -> bool:
    """Tell whether a function whose result has this hint gives a stream, be it no generator."""
    hint = _plain(hint)
    return (get_origin(hint) or hint) in _STREAMS


def item_hint(hint: Any) -> Any:
    """Give the hint of one item; `hint` is that of the whole."""
    return next(iter(get_args(_plain(hint))), Any)


def _plain(hint: Any) -> Any:
    """Take away other names, and what is noted beside the hint."""
    with contextlib.suppress(Exception):  # what an alias stands for is code of the user's
        while True:
            if get_origin(hint) is Annotated:
                hint = get_args(hint)[0]
            elif isinstance(get_origin(hint) or hint, ALIASES):
                hint = alias_value(hint)
            else:
                break
    return hint
