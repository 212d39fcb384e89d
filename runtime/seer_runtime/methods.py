"""The methods of exposed classes: one instance of each class, its public methods as functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator
from types import FunctionType
from typing import Any, NamedTuple, TypeAlias

Function: TypeAlias = Callable[..., Any]


class Method(NamedTuple):
    """A method of an instance."""

    name: str
    function: Function
    definition: Function
    """The function as the class's body has it, without what decorators put around it."""


def plain_function(function: Any) -> Function:
    """Give the function inside a static or class method, and inside of decorators."""
    inner = function.__func__ if isinstance(function, staticmethod | classmethod) else function
    plain: Function = inspect.unwrap(inner)
    return plain


def is_method(function: Any) -> bool:
    """Tell whether a function is being defined in the body of a class."""
    if isinstance(function, type) or inspect.ismethod(function):
        return False
    owner = getattr(plain_function(function), "__qualname__", "").rpartition(".")[0]
    return bool(owner) and not owner.endswith("<locals>")


def make_methods(cls: type, modules: Collection[str]) -> list[Method]:
    """Make an instance of a class, and give its public methods, in the order of their definition.

    Those that it inherits count where one of the `modules` defines them.

    Raises:
        BaseException: whatever its constructor raises.
    """
    instance = cls()
    definitions = dict(_definitions(cls, modules))
    return [Method(name, getattr(instance, name), each) for name, each in definitions.items()]


def check_class(cls: type) -> None:
    """See to it that a class can be exposed.

    Raises:
        TypeError: it cannot be made without arguments, or has no public method.
    """
    if not any(_definitions(cls, {base.__module__ for base in cls.__mro__})):
        raise TypeError(f"class {cls.__name__} is exposed and has no public method to call")
    missing = ", ".join(sorted(getattr(cls, "__abstractmethods__", ())))
    if missing:
        raise TypeError(f"class {cls.__name__} is exposed and abstract: it lacks {missing}")
    try:
        parameters = inspect.signature(cls).parameters.values()
    except (ValueError, TypeError):
        return
    needed = [
        each.name
        for each in parameters
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    if needed:
        raise TypeError(
            f"class {cls.__name__} is exposed: one instance is made when the file is loaded, "
            f"without arguments; its constructor needs {', '.join(needed)}: give defaults"
        )


def _definitions(cls: type, modules: Collection[str]) -> Iterator[tuple[str, Function]]:
    for base in reversed(cls.__mro__):
        if base is not cls and base.__module__ not in modules:
            continue
        for name in vars(base):
            value = inspect.getattr_static(cls, name)
            is_callable = isinstance(value, FunctionType | staticmethod | classmethod)
            if is_callable and not name.startswith("_"):
                yield name, plain_function(value)
