"""Decimals in JSON: with all their digits, for which a float has no room."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Self

from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from seer_runtime.core_schemas import rewritten

_DIGITS = "digits of a decimal"
"""The only key of the object that stands for a number until pydantic has it."""

_PLAIN = frozenset({"decimal", "none", "bool", "list", "set", "frozenset", "tuple"})
_NO_OBJECTS = _PLAIN | {"int", "str", "bytes", "literal", "date", "uuid"}
"""What takes neither numbers with a point nor that object."""

_NO_TEXTS = _PLAIN | {"dict", "typed-dict", "model-fields", "dataclass-args", "named-tuple"}
"""What takes neither such numbers nor texts of their digits."""

_OTHERS_CODE = ("function-before", "function-wrap")
"""Schemas inside of which values are what the user's functions give."""


class _Number(float):
    """A number with a point or an exponent, as JSON has it."""

    digits: str

    def __new__(cls, digits: str) -> Self:
        """Keep the digits."""
        number = super().__new__(cls, digits)
        number.digits = digits
        return number


class DecimalParser:
    """Parses JSON, and marks the numbers that a schema wants as decimals."""

    def __init__(self, core: CoreSchema) -> None:
        """Mark for what reads by `core` once `decimal_reader` is in it."""
        self._core: Any = core
        definitions: Iterable[Any] = self._core.get("definitions", ())
        self._definitions = {each["ref"]: each for each in definitions}
        self._wants_any = _has_decimals(core)

    def parse(self, text: str) -> Any:
        """Give what JSON says. Raises what `json.loads` raises."""
        return json.loads(text, parse_float=_Number if self._wants_any else None)

    def marked(self, value: Any) -> Any:
        """Give what was parsed with its numbers marked where they are to be decimals."""
        return self._marked([self._core], value) if self._wants_any else value

    def _marked(self, schemas: Iterable[Any], value: Any) -> Any:
        # What refers to itself by several ways is one schema all the same.
        once = {id(each): each for each in schemas}.values()
        kinds = [kind for each in once for kind in self._kinds(each)]
        match value:
            case _Number():
                return _mark(value, {each["type"] for each in kinds})
            case list():
                return [
                    self._marked([part for kind in kinds for part in _items(kind, index)], each)
                    for index, each in enumerate(value)
                ]
            case dict():
                return {
                    key: self._marked(
                        [part for kind in kinds for part in _members(kind, key)], each
                    )
                    for key, each in value.items()
                }
        return value

    def _kinds(self, schema: Any) -> Iterator[Any]:
        """Give the schemas of which a value may be, without what is put around them."""
        match schema:
            case {"type": "definition-ref", "schema_ref": name}:
                yield from self._kinds(self._definitions.get(name, {"type": "any"}))
            case {"type": "union", "choices": choices}:
                for each in choices:
                    yield from self._kinds(each[0] if isinstance(each, tuple) else each)
            case {"type": "tagged-union", "choices": choices}:
                for each in choices.values():
                    yield from self._kinds(each)
            case {"json_schema": inner} | {"lax_schema": inner}:
                yield from self._kinds(inner)
            case {"type": "call", "arguments_schema": {"arguments_schema": arguments}}:
                yield {"type": "named-tuple", "fields": arguments}
            case {"type": kind, "schema": inner} if kind not in _OTHERS_CODE:
                yield from self._kinds(inner)
            case _:
                yield schema


def decimal_reader(decimal: Any) -> CoreSchema:
    """Give what reads a decimal, be it marked; `decimal` is its schema."""
    return core_schema.no_info_before_validator_function(_unmarked, decimal)


def _has_decimals(core: CoreSchema) -> bool:
    found: list[Any] = []

    def look(part: Any) -> None:
        if part.get("type") == "decimal":
            found.append(part)

    rewritten(core, look)
    return bool(found)


def _mark(number: _Number, kinds: Collection[str]) -> Any:
    """Give what only a decimal is read from, where one is wanted and that can be told."""
    if "decimal" in kinds and _NO_OBJECTS.issuperset(kinds):
        return {_DIGITS: number.digits}
    return number.digits if "decimal" in kinds and _NO_TEXTS.issuperset(kinds) else number


def _unmarked(value: Any) -> Any:
    if not isinstance(value, dict) or value.keys() != {_DIGITS}:
        return value
    try:
        return Decimal(value[_DIGITS])
    except (ArithmeticError, TypeError, ValueError):
        raise PydanticCustomError("decimal", "Input should have a smaller exponent") from None


def _items(kind: Mapping[str, Any], index: int) -> Iterator[Any]:
    match kind:
        case {"type": "tuple", "items_schema": parts}:
            yield from parts if "variadic_item_index" in kind else parts[index : index + 1]
        case {"items_schema": dict(part)}:
            yield part
        case {"type": "named-tuple", "fields": fields}:
            yield from (each["schema"] for each in fields[index : index + 1])


def _members(kind: Mapping[str, Any], key: str) -> Iterator[Any]:
    match kind:
        case {"values_schema": part}:
            yield part
        case {"fields": dict(fields)}:
            yield from (each["schema"] for name, each in fields.items() if _is(each, name, key))
        case {"fields": list(fields)}:
            yield from (each["schema"] for each in fields if _is(each, each["name"], key))


def _is(field: Mapping[str, Any], name: str, key: str) -> bool:
    alias = field.get("validation_alias")
    # One of several is a list, as are the steps to it.
    is_among = isinstance(alias, list) and ([key] in alias or [key] == alias)
    return key in (name, alias) or is_among
