"""Examples of calls, made of nothing but the JSON Schema of a function's arguments."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from seer_runtime.wire.pb.interface_pb2 import Function, InterfaceSchema

_DEPTH = 12
"""Levels of nested values in an example; recursive types have no end."""

_SHALLOW = 6
"""Levels from the end up to which whatever need not be there is not."""

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
    """Give arguments of a function, as JSON: those that it needs."""
    schema = _schema(function)
    properties = schema.get("properties", {})
    definitions = schema.get("$defs", {})
    arguments = {
        name: _example(properties[name], definitions, _DEPTH) for name in _required(function)
    }
    return json.dumps(arguments, ensure_ascii=False)


def _required(function: Function) -> list[str]:
    names: list[str] = _schema(function).get("required", [])
    return names


def _schema(function: Function) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(function.input_schema or "{}")
    return schema


def _example(schema: Any, definitions: dict[str, Any], depth: int) -> Any:
    match schema if depth else {}:
        case {"const": value}:
            return value
        case {"enum": [value, *_]} | {"default": value}:
            return value
        case {"$ref": str(reference)}:
            named = definitions.get(reference.rpartition("/")[2], {})
            return _example(named, definitions, depth - 1)
        case {"anyOf": choices} | {"oneOf": choices}:
            choice = choices[0] if depth > _SHALLOW else min(choices, key=_is_named)
            return _example(choice, definitions, depth - 1)
        case {"type": "object"}:
            properties = schema.get("properties", {})
            names = [name for name in schema.get("required", []) if name in properties]
            return {name: _example(properties[name], definitions, depth - 1) for name in names}
        case {"type": "array"}:
            return _items(schema, definitions, depth - 1)
        case {"type": str(kind)}:
            return _SIMPLE[kind](schema)
    return "..."


def _items(schema: dict[str, Any], definitions: dict[str, Any], depth: int) -> list[Any]:
    if "prefixItems" in schema:
        return [_example(each, definitions, depth) for each in schema["prefixItems"]]
    if depth < _SHALLOW and not schema.get("minItems"):
        return []
    item = _example(schema.get("items") or {"type": "number"}, definitions, depth)
    return [item] * min(max(1, schema.get("minItems", 1)), schema.get("maxItems", 1 << 10))


def _is_named(schema: Any) -> bool:
    """Tell whether it may be what it is a part of."""
    return "$ref" in json.dumps(schema)


def _number(schema: dict[str, Any]) -> int | float:
    least = float(schema.get("minimum", schema.get("exclusiveMinimum", -math.inf)))
    greatest = float(schema.get("maximum", schema.get("exclusiveMaximum", math.inf)))
    if least < 1 < greatest:
        return 1
    if math.isinf(least) or math.isinf(greatest):
        return math.ceil(greatest) - 1 if math.isinf(least) else math.floor(least) + 1
    middle = (least + greatest) / 2
    return middle if schema["type"] == "number" else math.ceil(middle)


def _text(schema: dict[str, Any]) -> str:
    text = _FORMATS.get(schema.get("format", ""), "text")
    return text.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength")]


_SIMPLE: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "integer": _number,
    "number": _number,
    "string": _text,
    "boolean": lambda _: True,
    "null": lambda _: None,
}
