"""Instances of classes: which fields they have, and which classes received data may build."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from enum import Enum
from types import SimpleNamespace
from typing import Any

from seer_runtime.wire.errors import DecodeError


class Record(SimpleNamespace):
    """An instance of a class that this side does not have: its fields as attributes."""

    def __init__(self, type_name: str, fields: Mapping[str, Any]) -> None:
        """Take the class's name and the fields' values."""
        super().__init__(**fields)
        self.__dict__["_type_name"] = type_name

    def __hash__(self) -> int:  # type: ignore[override]
        """Hash the fields, as a frozen class would: what was a key stays one."""
        return hash((self._type_name, *record_fields(self).values()))

    def __reduce__(self) -> tuple[object, ...]:
        """Copy and pickle by name and fields."""
        return type(self), (self._type_name, record_fields(self))

    def __repr__(self) -> str:
        """Show the fields as the class itself would."""
        fields = ", ".join(f"{name}={value!r}" for name, value in record_fields(self).items())
        return f"{self._type_name}({fields})"


class Member(Record):
    """A member of an enumeration that this side does not have.

    Attributes:
        name: its name; None for a combination of flags.
        value: its value, where that is plain.
    """

    name: str | None
    value: Any


class TypeNames:
    """The classes that received data may build, each under its name on the wire."""

    def __init__(self, types: Mapping[str, type] | None = None) -> None:
        """Begin with `types`."""
        self._types = dict(types or {})
        self._names = {cls: name for name, cls in self._types.items()}
        self._taken = set(self._types)

    def name_of(self, cls: type) -> str:
        """Give the class's name; a class seen for the first time is known from then on."""
        name = self._names.get(cls)
        if name is None:
            # Generic models have names such as Box[int].
            name = self.reserve(re.sub(r"\W+", "_", cls.__name__).strip("_") or "Type")
            self._types[name] = cls
            self._names[cls] = name
        return name

    def reserve(self, stem: str) -> str:
        """Give `stem`, or a name like it, that no class gets any more: something else has it."""
        name, number = stem, 2
        while name in self._taken:
            name, number = f"{stem}_{number}", number + 1
        self._taken.add(name)
        return name

    def find(self, name: str) -> type | None:
        """Give the class called `name`, if this side has it."""
        return self._types.get(name)


def record_name(value: object, types: TypeNames) -> str:
    """Give the name under which a record-like value crosses."""
    if isinstance(value, Record):
        return str(vars(value)["_type_name"])
    return types.name_of(type(value))


def record_fields(record: Record) -> dict[str, Any]:
    """Give the fields of a record by name."""
    return {name: value for name, value in vars(record).items() if name != "_type_name"}


def fields_of(value: object) -> dict[str, Any] | None:
    """Give the fields of a record-like value by name; None where it is no record.

    Record-like are dataclasses, named tuples, pydantic models and `Record`.
    """
    cls = type(value)
    if isinstance(value, Record):
        return record_fields(value)
    if dataclasses.is_dataclass(cls):
        fields = dataclasses.fields(cls)
        # What the constructor does not take may not be set yet.
        present = [field for field in fields if field.init or hasattr(value, field.name)]
        return {field.name: getattr(value, field.name) for field in present}
    if isinstance(value, tuple) and hasattr(cls, "_fields"):
        return dict(zip(cls._fields, value, strict=True))
    if hasattr(cls, "__pydantic_fields__"):
        return {**vars(value), **(getattr(value, "__pydantic_extra__", None) or {})}
    return None


def enum_parts(member: Enum | Member, types: TypeNames) -> list[Any]:
    """Give a member's class and name, and its value where that is plain."""
    plain = member.value if _is_plain(member.value) else None
    name = record_name(member, types) if isinstance(member, Member) else types.name_of(type(member))
    return ["enum", name, member.name, plain]


def member_word(member: Enum | Member) -> Any:
    """Give what stands for a member in JSON: its value where that is plain, else its name."""
    plain = member.value if _is_plain(member.value) else None
    return member.name if plain is None else plain


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return isinstance(value, int | float | str | bytes | None)


def build_record(types: TypeNames, name: str, fields: dict[str, Any]) -> object:
    """Build an instance through its class's own constructor, which may refuse the fields."""
    cls: Any = types.find(name)
    if cls is None:
        return Record(name, fields)
    if hasattr(cls, "model_validate"):
        if getattr(cls, "__pydantic_root_model__", False):
            return cls.model_validate(fields["root"])
        return cls.model_validate(fields, by_alias=False, by_name=True)
    late = set()
    if dataclasses.is_dataclass(cls):
        late = {field.name for field in dataclasses.fields(cls) if not field.init}
    value: object = cls(**{key: part for key, part in fields.items() if key not in late})
    for key in late & fields.keys():
        object.__setattr__(value, key, fields[key])
    return value


def build_enum(types: TypeNames, name: str, member: str | None, value: object) -> object:
    """Find a member of an enumeration; a combination of flags has no name of its own."""
    cls = types.find(name)
    if cls is None:
        return Member(name, {"name": member, "value": value})
    if not issubclass(cls, Enum):
        raise DecodeError(f"{name} is no enumeration")
    known: object = cls.__members__.get(member or "")
    return cls(value) if known is None else known
