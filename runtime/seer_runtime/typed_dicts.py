"""Typed dictionaries: which keys they may lack, and how pydantic gets to read those of `typing`."""

from __future__ import annotations

import functools
import sys
import typing
from typing import Any, get_args, get_origin

import typing_extensions
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from seer_runtime.resolution import class_hints

MARKERS = (typing_extensions.Required, typing_extensions.NotRequired)


def may_be_missing(cls: Any, name: str, hint: Any) -> bool:
    """Tell whether a typed dictionary may lack the key `name`; `hint` is the key's own."""
    # Hints that are strings hide their markers from the class itself.
    origin = get_origin(hint)
    if origin in MARKERS:
        return origin is typing_extensions.NotRequired
    return name not in cls.__required_keys__


def let_pydantic_read() -> None:
    """Have pydantic take the typed dictionaries of `typing`, which it refuses before Python 3.12.

    It asks a class how it is read, and finds the answer at the class of all of these classes.
    """
    if sys.version_info < (3, 12):
        kind: Any = type(vars(typing)["TypedDict"]("Any", {}))
        kind.__get_pydantic_core_schema__ = _read_as_twin


def _read_as_twin(cls: Any, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    return handler.generate_schema(_twin(cls))


@functools.cache
def _twin(cls: Any) -> Any:
    """Give the same typed dictionary as pydantic takes it.

    Raises:
        NameError: the hint of a key cannot be resolved.
    """
    hints = class_hints(cls)
    for name, each in hints.unresolved.items():
        raise NameError(f"{cls.__name__}[{name!r}]: {each.why}")
    keys = {name: _key(cls, name, hint) for name, hint in hints.known.items()}
    made: Any = vars(typing_extensions)["TypedDict"](cls.__name__, keys)
    made.__doc__, made.__module__, made.__qualname__ = cls.__doc__, cls.__module__, cls.__qualname__
    return made


def _key(cls: Any, name: str, hint: Any) -> Any:
    missing = may_be_missing(cls, name, hint)
    marker = typing_extensions.NotRequired if missing else typing_extensions.Required
    return marker[get_args(hint)[0] if get_origin(hint) in MARKERS else hint]
