"""Hints with the names in them resolved: each by itself, so that one cannot spoil the others."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping
from types import ModuleType, SimpleNamespace
from typing import Annotated, Any, ForwardRef, Literal, NamedTuple, Union, get_args, get_origin

import typing_extensions

ALIASES = (
    typing_extensions.TypeAliasType,
    getattr(typing, "TypeAliasType", typing_extensions.TypeAliasType),
)
"""The classes of what `type Name = ...` makes."""


class UnresolvableError(NameError):
    """Raised by what stands for a hint that cannot be resolved."""

    def __init__(self, source: str, why: str) -> None:
        """Take the hint's source, and why it cannot."""
        super().__init__(why, name=source)
        self.source = source


class Unresolved(NamedTuple):
    """A hint that names what does not exist."""

    source: str
    why: str


class Hints(NamedTuple):
    """The hints of a function or a class by the names of what they are of."""

    known: Mapping[str, Any]
    unresolved: Mapping[str, Unresolved]


def function_hints(function: Callable[..., Any]) -> Hints:
    """Resolve the hints of a function's parameters, and of its result as `return`."""
    inner: Any = function
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    annotations = getattr(function, "__annotations__", {})
    return _resolve(annotations, getattr(inner, "__globals__", {}))


def class_hints(cls: Any) -> Hints:
    """Resolve the hints of a class's fields, those of its bases among them."""
    known: dict[str, Any] = {}
    unresolved: dict[str, Unresolved] = {}
    for base in reversed(cls.__mro__):
        annotations = inspect.get_annotations(base)
        found = _resolve(annotations, _namespace(base.__module__), dict(vars(base)))
        for name in annotations:
            known.pop(name, None)
            unresolved.pop(name, None)
        known |= found.known
        unresolved |= found.unresolved
    return Hints(known, unresolved)


def alias_value(alias: Any) -> Any:
    """Give the type that an alias stands for; `alias` may have arguments.

    Raises:
        Exception: a name in it does not exist.
    """
    origin, arguments = get_origin(alias) or alias, get_args(alias)
    value = _evaluate(origin.__value__, _namespace(origin.__module__))
    return value[arguments] if arguments else value


def with_parts(hint: Any, change: Callable[[Any], Any]) -> Any:
    """Give a generic hint with each of its arguments changed."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Annotated[change(arguments[0]), *hint.__metadata__]
    if origin in (None, Literal) or any(isinstance(each, list) for each in arguments):
        return hint
    parts = tuple(map(change, arguments))
    if all(new is old for new, old in zip(parts, arguments, strict=True)):
        return hint
    if origin in (Union, types.UnionType):
        return Union[parts]  # noqa: UP007 - made of parts known only here
    return hint.copy_with(parts) if hasattr(hint, "copy_with") else origin[parts]


def _resolve(
    annotations: Mapping[str, Any],
    namespace: dict[str, Any],
    own: dict[str, Any] | None = None,
) -> Hints:
    known: dict[str, Any] = {}
    unresolved: dict[str, Unresolved] = {}
    for name, annotation in annotations.items():
        try:
            known[name] = _evaluate(annotation, namespace, own)
        except UnresolvableError as error:
            unresolved[name] = Unresolved(error.source, str(error))
        except Exception as error:  # noqa: BLE001 - hints are code of the user's
            unresolved[name] = Unresolved(_source(annotation), str(error) or type(error).__name__)
    return Hints(known, unresolved)


def _evaluate(annotation: Any, namespace: dict[str, Any], own: dict[str, Any] | None = None) -> Any:
    annotations = {"hint": annotation}
    # Classes may have hints that functions may not, such as ClassVar.
    holder: Any = SimpleNamespace(__annotations__=annotations)
    if own is not None:
        holder = type("Holder", (), {"__annotations__": annotations})
    # With names of its own, be they none, it asks no reference what it meant elsewhere.
    found = typing.get_type_hints(holder, namespace, own or {}, include_extras=True)
    return _tied(found["hint"], namespace)


def _tied(hint: Any, namespace: Mapping[str, Any]) -> Any:
    """Give a hint with an alias for each name that is left in it: that of a type within itself."""
    if isinstance(hint, ForwardRef):
        return _recursive_alias(hint.__forward_arg__, namespace)
    return with_parts(hint, lambda part: _tied(part, namespace))


def _recursive_alias(name: str, namespace: Mapping[str, Any]) -> Any:
    """Give the alias for `Name = Union[list["Name"], ...]`, in which `Name` is itself."""
    value = namespace[name]
    home = f"{namespace.get('__name__', '')} (aliases)"
    module = sys.modules.setdefault(home, ModuleType(home))
    names = vars(module)
    if names.get(f"of {name}") is not value:
        names.update({key: each for key, each in namespace.items() if f"of {key}" not in names})
        # An alias belongs to the module whose code makes it; that is where its name is looked up.
        made = {"make": typing_extensions.TypeAliasType, "value": value, "__name__": home}
        names[name] = eval(f"make({name!r}, value)", made)
        names[f"of {name}"] = value
    names["__name__"] = home
    return names[name]


def _namespace(module: str) -> dict[str, Any]:
    return vars(sys.modules[module]) if module in sys.modules else {}


def _source(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    return annotation.__qualname__ if isinstance(annotation, type) else str(annotation)
