"""The classes that hints name: what kind each is of, and its fields or members."""

from __future__ import annotations

import dataclasses
import keyword
from collections.abc import Collection, Iterable
from dataclasses import MISSING
from enum import Enum, Flag, IntFlag
from typing import Any

import typing_extensions
from pydantic_core import PydanticUndefined

from seer_runtime.literals import source_of
from seer_runtime.wire.names import encodable
from seer_runtime.wire.pb.interface_pb2 import Member, NamedType

# The more special ones first.
_ENUMS: tuple[tuple[type, str], ...] = (
    (IntFlag, "IntFlag"),
    (Flag, "Flag"),
    (int, "IntEnum"),
    (str, "StrEnum"),
    (Enum, "Enum"),
)


def kind_of(cls: Any) -> NamedType.Kind.ValueType | None:
    """Give the kind of a class; None where its instances are no values of a known shape."""
    if issubclass(cls, Enum):
        return NamedType.ENUM if _are_names(cls.__members__) else None
    if typing_extensions.is_typeddict(cls):
        return NamedType.TYPED_DICT if all(map(_is_text, cls.__annotations__)) else None
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return NamedType.NAMED_TUPLE
    if dataclasses.is_dataclass(cls) or hasattr(cls, "__pydantic_fields__"):
        return NamedType.DATACLASS
    return None


def field_names(cls: Any) -> Iterable[str]:
    """Give the names of a class's fields, in their order."""
    if dataclasses.is_dataclass(cls):
        return [field.name for field in dataclasses.fields(cls)]
    if hasattr(cls, "__pydantic_fields__"):
        return list(cls.__pydantic_fields__)
    names: Iterable[str] = getattr(cls, "_fields", cls.__annotations__)
    return names


def computed_fields(cls: Any) -> Collection[str]:
    """Give the fields that the class sets by itself."""
    fields = getattr(cls, "__dataclass_fields__", {}).values()
    return {field.name for field in fields if not field.init}


def is_frozen(cls: Any) -> bool:
    """Tell whether instances cannot change."""
    if dataclasses.is_dataclass(cls):
        return bool(getattr(cls, "__dataclass_params__").frozen)  # noqa: B009 - not in its stubs
    return bool(getattr(cls, "model_config", {}).get("frozen"))


def field_defaults(cls: Any) -> dict[str, tuple[object, Any]]:
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


def enum_base(cls: type[Enum]) -> str:
    """Give the class of `enum` that an enumeration is made of."""
    return next(name for base, name in _ENUMS if issubclass(cls, base))


def enum_members(cls: type[Enum]) -> Iterable[Member]:
    """Give the members of an enumeration, aliases among them."""
    for name, member in cls.__members__.items():
        yield Member(name=name, value=source_of(member.value))


def _are_names(names: Iterable[str]) -> bool:
    return all(name.isidentifier() and not keyword.iskeyword(name) for name in names)


def _is_text(key: object) -> bool:
    return isinstance(key, str) and encodable(key) == key
