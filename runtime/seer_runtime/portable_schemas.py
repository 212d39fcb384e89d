"""JSON Schemas as most clients take them: nothing that only some know, or that says nothing."""

from __future__ import annotations

import json
from typing import Any

JsonSchema = dict[str, Any]

ANYTHING = "any value"
"""What is said where nothing is known."""

_DROPPED = ("title", "discriminator")
_PARTS = ("items", "additionalProperties", "propertyNames", "contains", "not")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "$defs", "patternProperties")
_ITEMS = {"items", "prefixItems", "maxItems"}


def portable(schema: JsonSchema) -> JsonSchema:
    """Give a schema without titles, lists of types, booleans and empty parts."""
    found = _plain({key: each for key, each in schema.items() if key not in _DROPPED})
    return {key: _part(key, each) for key, each in found.items()} or {"description": ANYTHING}


def is_portable(value: Any) -> bool:
    """Tell whether plain JSON is the same to every client.

    To some all numbers are floats, and a function with one that is too large for that is none.
    """
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        return bool(json.loads(text.encode(), parse_int=float) == value)
    except (ValueError, OverflowError):
        return False


def _part(key: str, part: Any) -> Any:
    if key in _PARTS and part is not False:
        return portable({} if part is True else part)
    if key in _LISTS:
        return [portable(each) for each in part]
    if key in _NAMED:
        return {name: portable(each) for name, each in part.items()}
    return part


def _plain(schema: JsonSchema) -> JsonSchema:
    """Say with the words that most know what others say, too."""
    if schema.get("additionalProperties") is True:
        del schema["additionalProperties"]
    if "oneOf" in schema and "anyOf" not in schema:
        schema["anyOf"] = schema.pop("oneOf")
    if isinstance(schema.get("type"), list):
        schema = {"anyOf": [{"type": each} for each in schema.pop("type")], **schema}
    if schema.get("type") == "array" and not schema.keys() & _ITEMS:
        schema["items"] = {}
    return schema
