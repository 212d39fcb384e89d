"""Type hints to the schema's types."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime as dt
import decimal
import inspect
import keyword
import pathlib
import types
import typing
import uuid
from collections.abc import Iterable
from dataclasses import MISSING
from enum import Enum, Flag, IntFlag
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typing_extensions
from pydantic_core import PydanticUndefined

from seer_runtime.literals import source_of
from seer_runtime.references import Ref, TensorRef
from seer_runtime.strictness import may_be_missing
from seer_runtime.wire.names import encodable
from seer_runtime.wire.pb.interface_pb2 import Default, Field, Member, NamedType, Type
from seer_runtime.wire.records import TypeNames

_BUILTINS: frozenset[type] = frozenset(
    {bool, bytes, complex, dict, float, frozenset, int, list, range, set, str, tuple}
)
_STANDARD: dict[type, str] = {
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
_ARRAYS = {("torch", "Tensor"): "torch.Tensor", ("numpy", "ndarray"): "numpy.ndarray"}
_REFERENCES: dict[type, str] = {Ref: "seer_rpc.client.Ref", TensorRef: "seer_rpc.client.TensorRef"}
# The more special ones first.
_ENUMS: tuple[tuple[type, str], ...] = (
    (IntFlag, "IntFlag"),
    (Flag, "Flag"),
    (int, "IntEnum"),
    (str, "StrEnum"),
    (Enum, "Enum"),
)

UNRESOLVED = (NameError, TypeError, AttributeError, SyntaxError)
"""What resolving hints raises where a name in one of them does not exist."""


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
        hint = _unwrap(hint)
        origin, arguments = get_origin(hint), get_args(hint)
        cls = origin or hint
        if hint is Any or hint is object:
            return Type(name="any")
        if hint is None or hint is types.NoneType:
            return Type(name="none")
        if origin in (Union, types.UnionType):
            return self._with_arguments("union", arguments, where)
        if origin in (Literal, typing_extensions.Literal):
            sources = [self.describe_default(each).text for each in arguments]
            return Type(name="literal", literals=sources)
        if isinstance(cls, type):
            return self._describe_class(cls, arguments, where)
        return self._undescribed(hint, where)

    def describe_default(self, value: object) -> Default:
        """Describe a default: its source where that means the same anywhere, else `...`."""
        if isinstance(value, Enum) and value.name in type(value).__members__:
            text = f"{self._name(type(value), NamedType.ENUM)}.{value.name}"
        else:
            text = source_of(value)
        return Default(text=text or "...", is_literal=bool(text))

    def _describe_class(self, cls: Any, arguments: tuple[Any, ...], where: str) -> Type:
        array = _ARRAYS.get((cls.__module__.partition(".")[0], cls.__name__))
        if array is not None:
            # Shape and dtype, its own arguments, are not described.
            return Type(name=array)
        if cls in _REFERENCES:
            return Type(name=_REFERENCES[cls])
        name = cls.__name__ if cls in _BUILTINS else _STANDARD.get(cls)
        if name is not None:
            return self._with_arguments(name, arguments, where)
        kind = _kind(cls)
        if kind is not None:
            return Type(name=self._name(cls, kind), named=True)
        return self._undescribed(cls, where)

    def _undescribed(self, hint: object, where: str) -> Type:
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
            named = self._named[cls] = NamedType(
                name=name, kind=kind, doc=doc_of(cls), frozen=_is_frozen(cls)
            )
            if kind == NamedType.ENUM:
                named.base = next(name for base, name in _ENUMS if issubclass(cls, base))
                named.members.extend(_members(cls))
            else:
                named.fields.extend(self._fields(cls, kind))
        return name

    def _fields(self, cls: Any, kind: NamedType.Kind.ValueType) -> Iterable[Field]:
        try:
            hints = typing.get_type_hints(cls, include_extras=True)
        except UNRESOLVED as error:
            self.warnings.append(f"{cls.__name__}: its hints cannot be resolved ({error})")
            hints = {}
        defaults = _field_defaults(cls)
        computed = {
            field.name
            for field in getattr(cls, "__dataclass_fields__", {}).values()
            if not field.init
        }
        for name in _field_names(cls):
            hint = hints.get(name, Any)
            yield Field(
                name=name,
                type=self.describe(hint, f"{cls.__name__}.{name}"),
                default=self._field_default(*defaults[name]) if name in defaults else None,
                optional=kind == NamedType.TYPED_DICT and may_be_missing(cls, name, hint),
                computed=name in computed,
            )

    def _field_default(self, value: object, factory: Any) -> Default:
        if factory is None:
            return self.describe_default(value)
        if factory in (dict, list, set):
            return self.describe_default(factory())
        # It may give another value each time, or do something.
        return Default(text="...")


def doc_of(cls: type) -> str:
    """Give the docstring that someone wrote for the class."""
    written = cls.__doc__
    doc = encodable(inspect.cleandoc(written)) if isinstance(written, str) else ""
    # What dataclass and Enum write by themselves says nothing.
    generated = doc.startswith(f"{cls.__name__}(") or doc == Enum.__doc__
    return "" if generated else doc


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


def _kind(cls: Any) -> NamedType.Kind.ValueType | None:
    if issubclass(cls, Enum):
        return NamedType.ENUM if _are_names(cls.__members__) else None
    if typing_extensions.is_typeddict(cls):
        return NamedType.TYPED_DICT if _are_names(cls.__annotations__) else None
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return NamedType.NAMED_TUPLE
    if dataclasses.is_dataclass(cls) or hasattr(cls, "__pydantic_fields__"):
        return NamedType.DATACLASS
    return None


def _field_names(cls: Any) -> Iterable[str]:
    if dataclasses.is_dataclass(cls):
        return [field.name for field in dataclasses.fields(cls)]
    if hasattr(cls, "__pydantic_fields__"):
        return list(cls.__pydantic_fields__)
    names: Iterable[str] = getattr(cls, "_fields", cls.__annotations__)
    return names


def _are_names(names: Iterable[str]) -> bool:
    return all(name.isidentifier() and not keyword.iskeyword(name) for name in names)


def _is_frozen(cls: Any) -> bool:
    if dataclasses.is_dataclass(cls):
        return bool(getattr(cls, "__dataclass_params__").frozen)  # noqa: B009 - not in its stubs
    return bool(getattr(cls, "model_config", {}).get("frozen"))


def _field_defaults(cls: Any) -> dict[str, tuple[object, Any]]:
    """Give each default by its field: a value, or None and the factory that makes one."""
    if dataclasses.is_dataclass(cls):
        fields = dataclasses.fields(cls)
        values = {f.name: (f.default, None) for f in fields if f.default is not MISSING}
        factories = {f.name: f.default_factory for f in fields}
        made = {n: (None, each) for n, each in factories.items() if each is not MISSING}
        return {**values, **made}
    if hasattr(cls, "__pydantic_fields__"):
        return {
            name: (None, field.default_factory) if field.default_factory else (field.default, None)
            for name, field in cls.__pydantic_fields__.items()
            if field.default_factory or field.default is not PydanticUndefined
        }
    return {name: (value, None) for name, value in getattr(cls, "_field_defaults", {}).items()}


def _members(cls: type[Enum]) -> Iterable[Member]:
    for name, member in cls.__members__.items():
        yield Member(name=name, value=source_of(member.value))
