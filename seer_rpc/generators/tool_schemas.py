"""The schemas of tools: what a function takes and gives, as MCP wants it said."""

from __future__ import annotations

import json

from seer_rpc.generators.schema_changes import (
    JsonSchema,
    allowing_words,
    easily_checked,
    without_titles,
)
from seer_runtime.wire.pb.interface_pb2 import Function

WRAPPED = "x-fastmcp-wrap-result"
"""Marks a schema whose `result` is what the function gave."""

_NOTE: JsonSchema = {
    "type": "string",
    "description": "instead of the result, where that takes long or is too long",
}
_ANYTHING = "any value"


def input_schema(function: Function) -> JsonSchema:
    """Say what arguments there are."""
    # Clients refuse all tools of a server where one has no such type.
    return {"type": "object", "properties": {}, **_read(function.input_schema)}


def output_schema(function: Function) -> JsonSchema:
    """Say what comes back: the result itself where it is an object, else an object with it.

    Instead of a result there may be a note. Clients check results themselves, and show none that
    does not fit: what a function's hints promise and nobody sees to is not said.
    """
    schema = easily_checked(allowing_words(_read(function.output_schema)))
    definitions = schema.pop("$defs", {})
    if function.is_stream:
        schema = {"type": "array", "items": schema or {"description": _ANYTHING}}
    if function.result_doc:
        schema.setdefault("description", function.result_doc)
    if _is_object(schema, definitions):
        note: JsonSchema = {"type": "object", "properties": {"note": _NOTE}, "required": ["note"]}
        output: JsonSchema = {"type": "object", "anyOf": [schema, note]}
    else:
        output = wrapped(schema or {"description": _ANYTHING})
    return output | ({"$defs": definitions} if definitions else {})


def wrapped(schema: JsonSchema) -> JsonSchema:
    """Say that a result of this schema comes back, under the key "result"."""
    return {"type": "object", "properties": {"result": schema, "note": _NOTE}, WRAPPED: True}


def _is_object(schema: JsonSchema, definitions: JsonSchema) -> bool:
    name = schema.get("$ref", "").removeprefix("#/$defs/")
    return bool(definitions.get(name, schema).get("type") == "object")


def _read(text: str) -> JsonSchema:
    # No UTF-8 holds half of a surrogate pair.
    whole = json.dumps(json.loads(text), ensure_ascii=False)
    return without_titles(json.loads(whole.encode("utf-8", "replace")))
