"""Fields of configs: which there are, whether a value is of its type, how they are shown."""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Hashable, Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from seer_rpc.errors import ConfigError, UnknownFieldError
from seer_runtime.wire.names import did_you_mean

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")

_SECRET = ("env", "secrets")
"""Fields whose values are not told: people write a secret itself where its name belongs."""


def knows_its_fields(hints: Mapping[str, str]) -> typing.Callable[[type[T]], type[T]]:
    """Have a dataclass say what to write in place of a field that it does not have.

    `hints` says so for fields that people expect by another name.
    """

    def decorate(cls: type[T]) -> type[T]:
        create: Any = cls.__init__
        names = [each.name for each in dataclasses.fields(cls)]  # type: ignore[arg-type]

        @functools.wraps(create)
        def checked(self: T, *args: Any, **kwargs: Any) -> None:
            for name in kwargs:
                if name not in names:
                    raise UnknownFieldError(
                        f"{cls.__name__} has no field {name!r}{did_you_mean(name, names)}",
                        hint=hints.get(name) or f"its fields are {', '.join(names)}",
                    )
            create(self, *args, **kwargs)

        setattr(cls, "__init__", checked)  # noqa: B010 - mypy would have it of one signature
        return cls

    return decorate


def check_types(config: object) -> None:
    """Check every field of a dataclass against its type.

    Raises:
        ConfigError: a value is of another type; values of what may be secret are not told.
    """
    hints = _hints(typing.cast("Hashable", type(config)))
    for each in dataclasses.fields(config):  # type: ignore[arg-type]
        _check(each.name, getattr(config, each.name), hints[each.name], secret=each.name in _SECRET)


@functools.cache
def _hints(cls: Hashable) -> dict[str, Any]:
    return typing.get_type_hints(typing.cast("type", cls))


def check_positive(config: object, *names: str) -> None:
    """Check fields that are numbers above zero, or None.

    Raises:
        ConfigError: one is not.
    """
    for name in names:
        value = getattr(config, name)
        if value is not None and not (value > 0 and math.isfinite(value)):
            raise ConfigError(f"{name}={value} must be a positive number")


def _check(name: str, value: object, hint: Any, *, secret: bool = False) -> None:
    if _fits(value, hint):
        return
    origin, choices = typing.get_origin(hint), _choices(hint)
    shown = "" if secret else f"={value!r}"
    if choices:
        guess = did_you_mean(str(value), map(str, choices))
        known = ", ".join(map(repr, choices))
        raise ConfigError(f"{name}{shown} is not known{guess}", hint=f"one of {known}")
    if origin is list and not isinstance(value, list | tuple):
        raise ConfigError(
            f"{name}{shown} must be a list of {_words(typing.get_args(hint)[0])}",
            hint=f"write {name}=[...], with brackets even around a single one",
        )
    if origin is list:
        (item,) = typing.get_args(hint)
        for each in typing.cast("list[object]", value):
            if not _fits(each, item):
                raise ConfigError(
                    f"{name}{shown} must be a list of {_words(item)}"
                    + (f": {each!r} is none" if not secret else ""),
                    hint=f"write {name}=[{_example(item)}]",
                )
    if origin is dict and isinstance(value, dict):
        for key, each in value.items():
            if not isinstance(each, str):
                raise ConfigError(f"{name}[{key!r}] must be text, not {type(each).__name__}")
    raise ConfigError(f"{name}{shown} must be {_words(hint)}, not {type(value).__name__}")


def _fits(value: object, hint: Any) -> bool:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, each) for each in args)
    if origin is Literal:
        return value in args
    if origin is list:
        return isinstance(value, list | tuple) and all(_fits(each, args[0]) for each in value)
    if origin is tuple:
        return (
            isinstance(value, list | tuple)
            and len(value) == len(args)
            and all(_fits(each, kind) for each, kind in zip(value, args, strict=True))
        )
    if origin is dict:
        return isinstance(value, Mapping) and all(
            _fits(key, args[0]) and _fits(each, args[1]) for key, each in value.items()
        )
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _choices(hint: Any) -> list[object]:
    """Give the values that a field is one of, where they can be listed."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [each for part in typing.get_args(hint) for each in _choices(part)]
    if typing.get_origin(hint) is Literal:
        return list(typing.get_args(hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return [f"{hint.__name__}.{each.name}" for each in hint]
    return []


def _words(hint: Any) -> str:
    args = typing.get_args(hint)
    match typing.get_origin(hint):
        case typing.Union | types.UnionType:
            return " or ".join(_words(each) for each in args)
        case typing.Literal:
            return " or ".join(map(repr, args))
        case origin if origin is list:
            return f"a list of {_words(args[0])}"
        case origin if origin is tuple:
            return "pairs of text"
        case origin if origin is dict:
            return "a mapping from text to text"
    return _WORDS.get(hint, getattr(hint, "__name__", str(hint)))


_WORDS: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    type(None): "None",
    Path: "a path",
}


def _example(hint: Any) -> str:
    if typing.get_origin(hint) is tuple:
        return '("path here", "/root/path")'
    return '"..."' if hint is str else f"{hint.__name__}(...)"


def show_fields(config: DataclassInstance, **instead: str) -> str:
    """Show a dataclass as Python does, and some of its fields as they are given here."""
    fields = (
        f"{each.name}={instead.get(each.name) or repr(getattr(config, each.name))}"
        for each in dataclasses.fields(config)
    )
    return f"{type(config).__name__}({', '.join(fields)})"
