"""Type hints to the schema's types."""

from __future__ import annotations

import ast
import collections.abc
import dataclasses
import datetime as dt
import decimal
import inspect
import math
import pathlib
import types
import typing
import uuid
from collections.abc import Callable, Iterable
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typing_extensions

from seer_runtime.wire.pb.interface_pb2 import Default, Field, Member, NamedType, Type
from seer_runtime.wire.records import TypeNames

_BUILTINS: frozenset[type] = frozenset(
    {bool, bytes, complex, dict, float, frozenset, int, list, range, set, str, tuple}
)
_STANDARD: dict[object, str] = {
    dt.date: "datetime.date",
    dt.datetime: "datetime.datetime",
    dt.time: "datetime.time",
    dt.timedelta: "datetime.timedelta",
    decimal.Decimal: "decimal.Decimal",
    pathlib.Path: "pathlib.Path",
    pathlib.PurePath: "pathlib.PurePath",
    uuid.UUID: "uuid.UUID",
    collections.abc.Collection: "collections.abc.Collection",
    collections.abc.Iterable: "collections.abc.Iterable",
    collections.abc.Mapping: "collections.abc.Mapping",
    collections.abc.MutableMapping: "collections.abc.MutableMapping",
    collections.abc.MutableSequence: "collections.abc.MutableSequence",
    collections.abc.Sequence: "collections.abc.Sequence",
    collections.abc.Set: "collections.abc.Set",
}
# The more special ones first.
_ENUMS: tuple[type[Enum], ...] = (IntFlag, Flag, IntEnum, StrEnum, Enum)
_ARRAYS = {("torch", "Tensor"): "torch.Tensor", ("numpy", "ndarray"): "numpy.ndarray"}


class TypeDescriber:
    """Describes hints, and collects the named types that it meets on the way."""

    def __init__(self, names: TypeNames) -> None:
        """Name types as `names` does, so that values of them cross under the same name."""
        self._names = names
        self._named: dict[type, NamedType] = {}
        self.warnings: list[str] = []

    @property
    def named_types(self) -> Iterable[NamedType]:
        """The named types met so far, in the order of their names."""
        return sorted(self._named.values(), key=lambda named: named.name)

    def describe(self, hint: Any, where: str) -> Type:
        """Describe `hint`; `where` says in a warning what it belongs to."""
        if hint in (Any, object, inspect.Parameter.empty):
            return Type(name="any")
        if hint in (None, types.NoneType):
            return Type(name="none")
        hint = _unwrap(hint)
        origin, arguments = get_origin(hint), get_args(hint)
        if origin in (Union, types.UnionType):
            return self._with_arguments("union", arguments, where)
        if origin in (Literal, typing_extensions.Literal):
            return Type(name="literal", literals=[_literal_source(each) for each in arguments])
        name = _plain_name(origin or hint)
        if name is not None:
            return self._with_arguments(name, arguments, where)
        kind = _kind(origin or hint)
        if kind is not None:
            return Type(name=self._name(origin or hint, kind), named=True)
        self.warnings.append(f"{where}: {hint!r} has no description; it is served as Any")
        return Type(name="any")

    def _with_arguments(self, name: str, arguments: tuple[Any, ...], where: str) -> Type:
        described = [
            Type(name="...") if each is Ellipsis else self.describe(each, where)
            for each in arguments
        ]
        return Type(name=name, arguments=described)

    def _name(self, cls: Any, kind: NamedType.Kind.ValueType) -> str:
        name = self._names.name_of(cls)
        if cls not in self._named:
            named = self._named[cls] = NamedType(name=name, kind=kind, doc=_doc(cls))
            if kind == NamedType.ENUM:
                named.base = next(base.__name__ for base in _ENUMS if issubclass(cls, base))
                named.members.extend(_members(cls))
            else:
                named.fields.extend(self._fields(cls, kind))
        return name

    def _fields(self, cls: Any, kind: NamedType.Kind.ValueType) -> Iterable[Field]:
        hints = typing.get_type_hints(cls, include_extras=True)
        defaults = _field_defaults(cls)
        required = getattr(cls, "__required_keys__", hints)
        for name, hint in hints.items():
            if kind == NamedType.DATACLASS and typing.get_origin(hint) is typing.ClassVar:
                continue
            yield Field(
                name=name,
                type=self.describe(hint, f"{cls.__name__}.{name}"),
                default=defaults.get(name),
                optional=name not in required,
            )


def describe_default(value: object) -> Default:
    """Describe a default: its source where that means the same anywhere, else `...`.

    The same value always has the same source: schemas are compared by it.
    """
    if isinstance(value, Enum) and value.name in type(value).__members__:
        return Default(text=f"{type(value).__name__}.{value.name}", is_literal=True)
    text = _source(value)
    return Default(text=text or "...", is_literal=bool(text))


def _source(value: object) -> str:
    """Give source that evaluates to `value` anywhere, or nothing."""
    if type(value) is float and not math.isfinite(value):
        return f"float({str(value)!r})"
    if type(value) in (list, tuple, set, dict):
        return _container_source(value)
    text = repr(value)
    try:
        parsed = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ""
    return text if type(parsed) is type(value) and parsed == value else ""


def _container_source(value: Any) -> str:
    if isinstance(value, dict):
        pairs = [(_source(key), _source(each)) for key, each in value.items()]
        known = all(key and each for key, each in pairs)
        return "{" + ", ".join(f"{key}: {each}" for key, each in pairs) + "}" if known else ""
    parts = [_source(each) for each in value]
    if not all(parts):
        return ""
    if isinstance(value, list):
        return f"[{', '.join(parts)}]"
    if isinstance(value, tuple):
        return f"({', '.join(parts)}{',' * (len(parts) == 1)})"
    # A set's own repr has the order of this process's hashes.
    return "{" + ", ".join(sorted(parts)) + "}" if parts else "set()"


def _unwrap(hint: Any) -> Any:
    """Take away what says nothing about the values: names, annotations, key markers."""
    while True:
        origin = get_origin(hint)
        if origin in (Annotated, typing_extensions.Required, typing_extensions.NotRequired):
            hint = get_args(hint)[0]
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif isinstance(hint, typing.TypeVar):
            hint = hint.__bound__ or Any
        elif hasattr(hint, "__value__"):
            hint = hint.__value__
        else:
            return hint


def _plain_name(hint: Any) -> str | None:
    if isinstance(hint, type) and hint in _BUILTINS:
        return hint.__name__
    root = getattr(hint, "__module__", "").partition(".")[0]
    return _STANDARD.get(hint) or _ARRAYS.get((root, getattr(hint, "__name__", "")))


def _kind(cls: Any) -> NamedType.Kind.ValueType | None:
    if not isinstance(cls, type):
        return None
    if issubclass(cls, Enum):
        return NamedType.ENUM
    if typing_extensions.is_typeddict(cls):
        return NamedType.TYPED_DICT
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return NamedType.NAMED_TUPLE
    if dataclasses.is_dataclass(cls) or hasattr(cls, "__pydantic_fields__"):
        return NamedType.DATACLASS
    return None


def _field_defaults(cls: Any) -> dict[str, Default]:
    if dataclasses.is_dataclass(cls):
        return {f.name: d for f in dataclasses.fields(cls) if (d := _dataclass_default(f))}
    if hasattr(cls, "__pydantic_fields__"):
        return {
            name: _factory_default(field.default_factory)
            if field.default_factory
            else describe_default(field.default)
            for name, field in cls.__pydantic_fields__.items()
            if not field.is_required()
        }
    return {k: describe_default(v) for k, v in getattr(cls, "_field_defaults", {}).items()}


def _dataclass_default(field: dataclasses.Field[Any]) -> Default | None:
    if field.default is not dataclasses.MISSING:
        return describe_default(field.default)
    if field.default_factory is not dataclasses.MISSING:
        return _factory_default(field.default_factory)
    return None


def _factory_default(factory: Callable[..., Any]) -> Default:
    # Any other factory may give another value each time, or do something.
    known = factory in (dict, list, set)
    return describe_default(factory()) if known else Default(text="...")


def _members(cls: type[Enum]) -> Iterable[Member]:
    for name, member in cls.__members__.items():
        yield Member(name=name, value=describe_default(member.value).text)


def _literal_source(value: object) -> str:
    return describe_default(value).text


def _doc(cls: type) -> str:
    doc = inspect.cleandoc(cls.__doc__ or "")
    # What dataclass and Enum write by themselves says nothing.
    generated = doc.startswith(f"{cls.__name__}(") or doc == Enum.__doc__
    return "" if generated else doc
