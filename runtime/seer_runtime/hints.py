"""Type hints to the schema's types."""

from __future__ import annotations

import collections.abc
import datetime as dt
import decimal
import pathlib
import types
import typing
import uuid
from collections.abc import Iterable
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typing_extensions

from seer_runtime.array_hints import array_hint
from seer_runtime.classes import (
    computed_fields,
    enum_base,
    enum_members,
    field_defaults,
    field_names,
    is_frozen,
    kind_of,
)
from seer_runtime.docstrings import FieldDocs, doc_of
from seer_runtime.literals import source_of
from seer_runtime.references import Ref, TensorRef
from seer_runtime.resolution import ALIASES, Unresolved, alias_value, class_hints
from seer_runtime.typed_dicts import MARKERS, may_be_missing
from seer_runtime.wire.media import Media
from seer_runtime.wire.names import encodable
from seer_runtime.wire.pb.interface_pb2 import Default, Field, NamedType, Type
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
    Media: "seer_rpc.client.Media",
}
# What they cross as depends on what the caller has installed.
_PICTURES = {("PIL", "Image"), ("matplotlib", "Figure")}
_REFERENCES: dict[type, str] = {Ref: "seer_rpc.client.Ref", TensorRef: "seer_rpc.client.TensorRef"}


class TypeDescriber:
    """Describes hints, and collects the named types that it meets on the way."""

    def __init__(self, names: TypeNames) -> None:
        """Name types as `names` does, so that values of them cross under the same name."""
        self._names = names
        self._named: dict[Any, NamedType] = {}
        self._open: list[Any] = []
        self.warnings: list[str] = []

    @property
    def named_types(self) -> Iterable[NamedType]:
        """The named types met so far, in the order of their names."""
        return sorted(self._named.values(), key=lambda named: named.name)

    def describe(self, hint: Any, where: str) -> Type:
        """Describe `hint`; `where` says in a warning what it belongs to."""
        hint, notes = _unwrap(hint)
        origin, arguments = get_origin(hint), get_args(hint)
        array = array_hint(hint, notes)
        if array is not None:
            return Type(name=array.name, dtype=array.dtype, shape=array.shape)
        if isinstance(origin or hint, ALIASES):
            return self._describe_alias(hint, where)
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

    def describe_unresolved(self, hint: Unresolved, where: str) -> Type:
        """Describe a hint that could not be resolved."""
        self.warnings.append(
            f"{where}: its hint {hint.source!r} cannot be resolved ({hint.why}); "
            f"it is served as Any"
        )
        return Type(name="any", unresolved=encodable(hint.source))

    def describe_default(self, value: object, source: str = "...") -> Default:
        """Describe a default: its literal where that means the same anywhere, else its `source`."""
        if isinstance(value, Enum) and value.name in type(value).__members__:
            text = f"{self._name(type(value), NamedType.ENUM)}.{value.name}"
        else:
            text = source_of(value)
        return Default(text=text or source, is_literal=bool(text))

    def _describe_alias(self, alias: Any, where: str) -> Type:
        """Describe what an alias stands for; one that speaks of itself is a type of its own."""
        if alias in self._named:
            return Type(name=self._named[alias].name, named=True)
        if alias in self._open:
            name = self._names.reserve((get_origin(alias) or alias).__name__)
            self._named[alias] = NamedType(name=name, kind=NamedType.ALIAS)
            return Type(name=name, named=True)
        self._open.append(alias)
        try:
            described = self.describe(alias_value(alias), where)
        except Exception as error:  # noqa: BLE001 - hints are code of the user's
            described = self.describe_unresolved(Unresolved(str(alias), str(error)), where)
        self._open.pop()
        if alias not in self._named:
            return described
        self._named[alias].fields.add(name="value", type=described)
        return Type(name=self._named[alias].name, named=True)

    def _describe_class(self, cls: Any, arguments: tuple[Any, ...], where: str) -> Type:
        if (cls.__module__.partition(".")[0], cls.__name__) in _PICTURES:
            return Type(name="any")
        if cls in _REFERENCES:
            return Type(name=_REFERENCES[cls])
        name = cls.__name__ if cls in _BUILTINS else _STANDARD.get(cls)
        if name is not None:
            return self._with_arguments(name, arguments, where)
        kind = kind_of(cls)
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
                name=name, kind=kind, doc=doc_of(cls), frozen=is_frozen(cls)
            )
            if kind == NamedType.ENUM:
                named.base = enum_base(cls)
                named.members.extend(enum_members(cls))
            else:
                named.fields.extend(self._fields(cls, kind))
        return name

    def _fields(self, cls: Any, kind: NamedType.Kind.ValueType) -> Iterable[Field]:
        hints = class_hints(cls)
        docs = FieldDocs(cls)
        defaults = field_defaults(cls)
        computed = computed_fields(cls)
        for name in field_names(cls):
            hint, where = hints.known.get(name, Any), f"{cls.__name__}.{name}"
            unresolved = hints.unresolved.get(name)
            yield Field(
                name=name,
                type=self.describe_unresolved(unresolved, where)
                if unresolved
                else self.describe(hint, where),
                default=self._field_default(*defaults[name]) if name in defaults else None,
                optional=kind == NamedType.TYPED_DICT and may_be_missing(cls, name, hint),
                computed=name in computed,
                doc=docs.of(name, hint),
            )

    def _field_default(self, value: object, factory: Any) -> Default:
        if factory is None:
            return self.describe_default(value)
        if factory in (dict, list, set):
            return self.describe_default(factory())
        # It may give another value each time, or do something.
        return Default(text="...")


def _unwrap(hint: Any) -> tuple[Any, list[Any]]:
    """Take away what says nothing about the values, and give what was noted beside them."""
    notes: list[Any] = []
    while True:
        if get_origin(hint) is Annotated:
            notes += hint.__metadata__
            hint = get_args(hint)[0]
        elif get_origin(hint) in MARKERS:
            hint = get_args(hint)[0]
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif isinstance(hint, typing.TypeVar):
            hint = hint.__bound__ or Any
        else:
            return hint, notes
