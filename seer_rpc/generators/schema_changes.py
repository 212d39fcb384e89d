"""JSON Schemas as others need them: rewritten part by part."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias

JsonSchema: TypeAlias = dict[str, Any]

_NOT_FINITE = ("NaN", "Infinity", "-Infinity")
"""What stands for numbers that JSON has no word for."""

_BY_NAME = frozenset({"properties", "$defs", "patternProperties", "dependentSchemas"})
_SAID = ("description", "default")
_DATA = frozenset({"default", "const", "enum", "examples", "required"})
_TURNED = frozenset({"not", "if"})
"""Schemas that allow more where something in them allows less: they stay as they are."""

_HARD = frozenset({"pattern", "patternProperties", "multipleOf"})
_OPEN = frozenset({"additionalProperties", "unevaluatedProperties"})


def without_titles(schema: JsonSchema) -> JsonSchema:
    """Leave out titles: they say no more than names do."""
    return _changed(schema, lambda part: _without(part, {"title"}))


def allowing_words(schema: JsonSchema) -> JsonSchema:
    """Take the words for what is not finite where numbers are taken."""
    return _changed(schema, _allowing_words)


def easily_checked(schema: JsonSchema) -> JsonSchema:
    """Leave out what Python's `re` and floats may take for ever to check, or get wrong.

    Whatever fits the schema fits what is left of it.
    """
    return _changed(schema, _easily_checked)


def _changed(schema: JsonSchema, change: Callable[[JsonSchema], JsonSchema]) -> JsonSchema:
    """Give a schema after `change` of every schema in it, the innermost first."""

    def changed(part: Any) -> Any:
        if isinstance(part, list):
            return [changed(each) for each in part]
        if not isinstance(part, dict):
            return part
        return change({key: inside(key, each) for key, each in part.items()})

    def inside(key: str, part: Any) -> Any:
        if key in _BY_NAME and isinstance(part, dict):
            return {name: changed(each) for name, each in part.items()}
        return part if key in _DATA | _TURNED else changed(part)

    whole: JsonSchema = changed(schema)
    return whole


def _without(schema: JsonSchema, keys: set[str] | frozenset[str]) -> JsonSchema:
    return {key: each for key, each in schema.items() if key not in keys}


def _allowing_words(schema: JsonSchema) -> JsonSchema:
    if schema.get("type") != "number":
        return schema
    said = {key: schema[key] for key in _SAID if key in schema}
    return {"anyOf": [_without(schema, set(_SAID)), {"enum": list(_NOT_FINITE)}], **said}


def _easily_checked(schema: JsonSchema) -> JsonSchema:
    # What a pattern says of names is no matter of the others, then.
    hard = _HARD | _OPEN if "patternProperties" in schema else _HARD
    return _without(
        schema, hard | {key for key in _TURNED & schema.keys() if _is_hard(schema[key])}
    )


def _is_hard(schema: Any) -> bool:
    """Tell whether something in a schema is left out, or may be where it refers to."""
    text = json.dumps(schema)
    return any(f'"{key}"' in text for key in _HARD | {"$ref"})
