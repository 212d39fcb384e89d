"""Hints to what checks values against them: exactly, and without converting any."""

from __future__ import annotations

import contextlib
import types
import typing
from typing import Annotated, Any, Union, get_args, get_origin

import typing_extensions
from pydantic import ConfigDict, InstanceOf, PydanticUserError, TypeAdapter

from seer_runtime.references import Ref

_NOT_BUILT = (PydanticUserError, NameError, TypeError, AttributeError)


def strict_adapter(hint: Any) -> TypeAdapter[Any] | None:
    """Give what checks values against `hint`; None where pydantic cannot."""
    if hint is Any:
        return None
    # Models, dataclasses and typed dictionaries bring a configuration of their own.
    for config in (ConfigDict(arbitrary_types_allowed=True), None):
        with contextlib.suppress(*_NOT_BUILT):
            adapter = TypeAdapter(_exact(hint, frozenset()), config=config)
            adapter.rebuild(raise_errors=True)
            return adapter
    return None


def may_be_missing(cls: Any, name: str, hint: Any) -> bool:
    """Tell whether a typed dictionary may lack the key `name`; `hint` is the key's own."""
    # Hints that are strings hide their markers from the class itself.
    origin = get_origin(hint)
    if origin in _MARKERS:
        return origin is typing_extensions.NotRequired
    return name not in cls.__required_keys__


def _exact(hint: Any, inside: frozenset[type]) -> Any:
    """Replace what pydantic would take a dictionary or a plain tuple for, or not take at all.

    `inside` are the typed dictionaries that the hint is a part of.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Annotated[_exact(arguments[0], inside), *hint.__metadata__]
    if isinstance(hint, type) and origin is None:
        return _exact_class(hint, inside)
    if not arguments or any(isinstance(each, list) for each in arguments):
        return hint
    parts = tuple(_exact(each, inside) for each in arguments)
    if origin in (Union, types.UnionType):
        return Union[parts]  # noqa: UP007 - made of parts known only here
    return origin[parts] if isinstance(origin, type) else hint  # type: ignore[index]


def _exact_class(cls: Any, inside: frozenset[type]) -> Any:
    if issubclass(cls, Ref):
        # The function gets the value itself.
        return Any
    if hasattr(cls, "__pydantic_fields__") or (issubclass(cls, tuple) and hasattr(cls, "_fields")):
        return InstanceOf[cls]  # type: ignore[misc]
    if not typing_extensions.is_typeddict(cls):
        return cls
    if cls in inside:
        return dict
    # pydantic wants the backport before Python 3.12.
    hints = typing.get_type_hints(cls, include_extras=True)
    keys = {name: _key(cls, name, hint, inside | {cls}) for name, hint in hints.items()}
    return typing_extensions.TypedDict(cls.__name__, keys)  # type: ignore[operator]


def _key(cls: Any, name: str, hint: Any, inside: frozenset[type]) -> Any:
    missing = may_be_missing(cls, name, hint)
    marker = typing_extensions.NotRequired if missing else typing_extensions.Required
    inner = get_args(hint)[0] if get_origin(hint) in _MARKERS else hint
    return marker[_exact(inner, inside)]


_MARKERS = (typing_extensions.Required, typing_extensions.NotRequired)
