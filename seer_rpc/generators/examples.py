"""Examples of calls, made of nothing but the JSON Schema of a function's arguments."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from seer_runtime.wire.pb.interface_pb2 import Function, InterfaceSchema

_DEPTH = 12
"""Levels of nested values in an example; recursive types have no end."""

_SHALLOW = 6
"""Levels from the end up to which whatever need not be there is not."""

_ROOM = 2000
"""Characters of an example, but for some punctuation."""

_ANYTHING = "..."

_FORMATS = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "time": "12:00:00",
    "duration": "PT1H",
    "uuid": "12345678-1234-5678-1234-567812345678",
    "binary": "AAEC",
    "base64url": "AAEC",
    "uri": "https://example.org",
    "path": "/tmp/example",
}


def example_function(schema: InterfaceSchema) -> Function:
    """Give the function to show a call of: one that needs something, and does no harm."""
    harmless = [each for each in schema.functions if not each.is_destructive]
    candidates = harmless or list(schema.functions)
    return next((each for each in candidates if _required(each)), candidates[0])


def example_arguments(function: Function) -> str:
    """Give arguments of a function, as JSON: those that it needs.

    What would make the example too long is left out of it, even where the function needs it.
    """
    schema = _schema(function)
    maker = _Maker(schema.get("$defs", {}))
    arguments = {name: maker.value(schema["properties"][name]) for name in _required(function)}
    return json.dumps(arguments, ensure_ascii=False)


def _required(function: Function) -> list[str]:
    names: list[str] = _schema(function).get("required", [])
    return names


def _schema(function: Function) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(function.input_schema or "{}")
    return schema


class _Maker:
    """Makes the values of one example, which has so much room and no more."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._room = _ROOM

    def value(self, schema: Any, depth: int = _DEPTH) -> Any:
        """Make a value; where there is no room for one, what stands for any."""
        self._room -= 1
        match schema if depth and self._room > 0 else {}:
            case {"const": value} | {"enum": [value, *_]} | {"default": value}:
                return self._taken(value)
            case {"$ref": str(reference)}:
                named = self._definitions.get(reference.rpartition("/")[2], {})
                return self.value(named, depth - 1)
            case {"anyOf": [_, *_] as choices} | {"oneOf": [_, *_] as choices}:
                choice = choices[0] if depth > _SHALLOW else min(choices, key=_is_named)
                return self.value(choice, depth - 1)
            case {"type": "object"}:
                properties = schema.get("properties", {})
                names = [name for name in schema.get("required", []) if name in properties]
                self._room -= sum(map(_size, names))
                return {name: self.value(properties[name], depth - 1) for name in names}
            case {"type": "array"}:
                return self._items(schema, depth - 1)
            case {"type": str(kind)} if kind in _SIMPLE:
                return self._taken(_SIMPLE[kind](schema))
        return _ANYTHING

    def _items(self, schema: dict[str, Any], depth: int) -> list[Any]:
        if "prefixItems" in schema:
            return [self.value(each, depth) for each in schema["prefixItems"]]
        least = schema.get("minItems", 0)
        if depth < _SHALLOW and not least:
            return []
        item = self.value(schema.get("items") or {"type": "number"}, depth)
        count = min(max(1, least), schema.get("maxItems", least + 1))
        size = len(", ") + _size(item)
        more = max(0, min(count - 1, self._room // size))
        self._room -= more * size
        return [item] * min(count, 1 + more)

    def _taken(self, value: Any) -> Any:
        size = _size(value)
        if size > self._room:
            return _ANYTHING
        self._room -= size
        return value


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False))


def _is_named(schema: Any) -> bool:
    """Tell whether it may be what it is a part of."""
    return "$ref" in json.dumps(schema)


def _number(schema: dict[str, Any]) -> int | float:
    least = _bound(schema, "minimum", "exclusiveMinimum")
    greatest = _bound(schema, "maximum", "exclusiveMaximum")
    if (least is None or least < 1) and (greatest is None or greatest > 1):
        return 1
    if least is None or greatest is None:
        return math.floor(least) + 1 if least is not None else math.ceil(greatest or 0) - 1
    middle = (least + greatest) / 2
    with contextlib.suppress(OverflowError):
        return float(middle) if schema["type"] == "number" else math.ceil(middle)
    return math.ceil(middle)


def _bound(schema: dict[str, Any], *names: str) -> Fraction | None:
    """Give a bound that a schema names in one way or the other; no number is too large for it."""
    bound = next((schema[name] for name in names if name in schema), math.inf)
    return Fraction(bound) if isinstance(bound, int) or math.isfinite(bound) else None


def _text(schema: dict[str, Any]) -> str:
    text = _FORMATS.get(schema.get("format", ""), "text")
    return text.ljust(min(schema.get("minLength", 0), _ROOM), "x")[: schema.get("maxLength")]


_SIMPLE: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "integer": _number,
    "number": _number,
    "string": _text,
    "boolean": lambda _: True,
    "null": lambda _: None,
}
