"""Hints to what checks values against them: exactly, and without converting any."""

from __future__ import annotations

import contextlib
import types
import typing
from typing import Annotated, Any, Union, get_args, get_origin

import typing_extensions
from pydantic import ConfigDict, InstanceOf, PydanticUserError, TypeAdapter
from pydantic.errors import PydanticUndefinedAnnotation


def strict_adapter(hint: Any) -> TypeAdapter[Any] | None:
    """Give what checks values against `hint`; None where pydantic cannot."""
    if hint is Any:
        return None
    # Models, dataclasses and typed dictionaries bring a configuration of their own.
    for config in (ConfigDict(arbitrary_types_allowed=True), None):
        with contextlib.suppress(PydanticUserError, PydanticUndefinedAnnotation, TypeError):
            adapter = TypeAdapter(_exact(hint), config=config)
            adapter.rebuild(raise_errors=True)
            return adapter
    return None


def _exact(hint: Any) -> Any:
    """Replace what pydantic would take a dictionary or a plain tuple for, or not take at all."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Annotated[_exact(arguments[0]), *hint.__metadata__]
    if origin in (Union, types.UnionType):
        return Union[tuple(map(_exact, arguments))]  # noqa: UP007 - made of parts known only here
    if isinstance(origin, type) and arguments and not any(isinstance(a, list) for a in arguments):
        return origin[tuple(map(_exact, arguments))]  # type: ignore[index]
    if isinstance(hint, type) and origin is None:
        return _exact_class(hint)
    return hint


def _exact_class(cls: Any) -> Any:
    if hasattr(cls, "__pydantic_fields__") or (issubclass(cls, tuple) and hasattr(cls, "_fields")):
        return InstanceOf[cls]  # type: ignore[misc]
    if isinstance(cls, typing._TypedDictMeta):  # type: ignore[attr-defined]
        # pydantic wants the backport before Python 3.12.
        fields = {key: _key(cls, key, hint) for key, hint in cls.__annotations__.items()}
        return typing_extensions.TypedDict(cls.__name__, fields)  # type: ignore[operator]
    return cls


def _key(cls: Any, key: str, hint: Any) -> Any:
    is_marked = get_origin(hint) in (typing_extensions.Required, typing_extensions.NotRequired)
    if is_marked or isinstance(hint, str | typing.ForwardRef):
        return hint
    required = key in cls.__required_keys__
    marker = typing_extensions.Required if required else typing_extensions.NotRequired
    return marker[_exact(hint)]
