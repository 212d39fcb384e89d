"""JSON Schema (2020-12) of what functions take and give, as models and strict clients want it.

No titles, no lists of types, nothing that says nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from enum import Flag
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from seer_runtime.array_schemas import (
    handle_schema,
    numbers_schema,
    reference_schema,
    summary_schema,
    type_name,
)
from seer_runtime.core_schemas import array_of, core_schema_of, is_collection
from seer_runtime.docstrings import FieldDocs, summary_of
from seer_runtime.json_values import NOT_FINITE, json_value
from seer_runtime.portable_schemas import ANYTHING, JsonSchema, portable
from seer_runtime.references import Ref

_BOUNDS = ("le", "lt"), ("ge", "gt")
_LIMITS = frozenset({"multiple_of", *itertools.chain(*_BOUNDS)})
_SECONDS: JsonSchema = {"type": "number", "description": "seconds"}
_BYTES: JsonSchema = {"type": "string", "contentEncoding": "base64"}


def input_schema(core: CoreSchema) -> JsonSchema:
    """Give the JSON Schema of what an object is read from."""
    return portable(_InputSchema().generate(core))


def output_schema(hint: Any) -> JsonSchema:
    """Give the JSON Schema of how a value of this hint is written."""
    schema = portable(_OutputSchema(by_alias=False).generate(core_schema_of({"value": hint})))
    value: JsonSchema = schema["properties"]["value"]
    return {**value, "$defs": schema["$defs"]} if "$defs" in schema else value


class _Schema(GenerateJsonSchema):
    """What is the same for what is read and what is written."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Say no more than the name."""
        return False

    def any_schema(self, schema: core_schema.AnySchema) -> JsonSchemaValue:
        """Say that nothing is known."""
        return {"description": ANYTHING}

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        """Say that JSON has no word for it."""
        return {"description": f"what JSON has no word for: {error_info}"}

    def is_subclass_schema(self, schema: core_schema.IsSubclassSchema) -> JsonSchemaValue:
        """Describe classes, which do not cross."""
        return self.handle_invalid_for_json_schema(schema, "a class")

    def callable_schema(self, schema: core_schema.CallableSchema) -> JsonSchemaValue:
        """Describe functions, which do not cross."""
        return self.handle_invalid_for_json_schema(schema, "a function")

    def function_plain_schema(
        self, schema: core_schema.PlainValidatorFunctionSchema
    ) -> JsonSchemaValue:
        """Describe what only a validator of the user's knows."""
        known = schema.get("json_schema_input_schema")
        return self.generate_inner(known) if known else {"description": ANYTHING}

    def bytes_schema(self, schema: core_schema.BytesSchema) -> JsonSchemaValue:
        """Describe base64."""
        return dict(_BYTES)

    def complex_schema(self, schema: core_schema.ComplexSchema) -> JsonSchemaValue:
        """Describe what Python reads."""
        return {"type": "string", "description": 'a complex number, such as "1+2j"'}

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        """Describe numbers without a point."""
        return super().int_schema(_told(schema))

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        """Describe numbers, and the texts for those that JSON has no word for."""
        number = super().float_schema(_told(schema))
        words = self.words_for(schema)
        if not words:
            return number
        return {"anyOf": [number, {"type": "string", "enum": words}]}

    def words_for(self, schema: Mapping[str, Any]) -> list[str]:
        """Give the texts that stand for numbers."""
        return list(NOT_FINITE)

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        """Describe the values."""
        return _words([json_value(each) for each in schema["expected"]])

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        """Describe the members by their values."""
        cls = schema["cls"]
        described = _described(cls)
        if issubclass(cls, Flag):
            bits = ", ".join(f"{each.value} {each.name}" for each in cls)
            doc = described.get("description", "")
            return {"type": "integer", "description": f"{doc} Added up: {bits}".strip()}
        return described | _words([json_value(each) for each in schema["members"]])

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Describe a dataclass with what is said of its fields."""
        return _documented(super().dataclass_schema(schema), schema["cls"])

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Describe a model with what is said of its fields."""
        return _documented(super().model_schema(schema), schema["cls"])

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        """Describe a typed dictionary with what is said of its keys."""
        return _documented(super().typed_dict_schema(schema), schema.get("cls"))

    def named_tuple_schema(self, schema: Any) -> JsonSchemaValue:
        """Describe a named tuple by the names."""
        fields = [(each["name"], each["schema"]) for each in schema["fields"]]
        return _documented(self.object_schema(fields), schema["cls"])

    def arguments_schema(self, schema: core_schema.ArgumentsSchema) -> JsonSchemaValue:
        """Describe what a class is built from by the names."""
        fields = [(each["name"], each["schema"]) for each in schema["arguments_schema"]]
        return self.object_schema(fields)

    def object_schema(self, fields: Iterable[tuple[str, CoreSchema]]) -> JsonSchemaValue:
        """Describe an object."""
        properties = {name: self.generate_inner(each) for name, each in fields}
        required = [name for name, each in fields if self.is_needed(each)]
        described: JsonSchema = {"type": "object", "properties": properties}
        return {**described, "required": required} if required else described

    def is_needed(self, schema: CoreSchema) -> bool:
        """Tell whether a field must be there."""
        return bool(schema["type"] != "default")

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Describe a dictionary; JSON's keys are texts whatever they stand for."""
        described = super().dict_schema(schema)
        keys = described.get("propertyNames", {})
        if "$ref" in keys or ("enum" in keys and not _are_names(keys["enum"])):
            del described["propertyNames"]
        return described


class _InputSchema(_Schema):
    """What is read."""

    def words_for(self, schema: Mapping[str, Any]) -> list[str]:
        """Give the texts of the numbers that are within the bounds."""
        if schema.get("allow_inf_nan") is False or schema.get("multiple_of") is not None:
            return []
        above, below = (any(schema.get(each) is not None for each in pair) for pair in _BOUNDS)
        words = {"NaN": above or below, "Infinity": above, "-Infinity": below}
        return [word for word, is_outside in words.items() if not is_outside]

    def field_is_present(self, field: Any) -> bool:
        """Leave out what a class sets by itself."""
        return bool(field.get("init", True))

    def set_schema(self, schema: core_schema.SetSchema) -> JsonSchemaValue:
        """Describe a set; what is there twice is no mistake."""
        return _without(super().set_schema(schema), "uniqueItems")

    def frozenset_schema(self, schema: core_schema.FrozenSetSchema) -> JsonSchemaValue:
        """Describe a set; what is there twice is no mistake."""
        return _without(super().frozenset_schema(schema), "uniqueItems")

    def named_tuple_schema(self, schema: Any) -> JsonSchemaValue:
        """Describe a named tuple by the names, or by the places."""
        parts = [each["schema"] for each in schema["fields"]]
        needed = sum(1 for each in parts if self.is_needed(each))
        by_place = self.tuple_schema(core_schema.tuple_schema(parts))
        by_place["minItems"] = needed
        return {"anyOf": [super().named_tuple_schema(schema), by_place]}

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """Describe numbers and their digits as text; only some may be infinite."""
        return super().decimal_schema(_told({"allow_inf_nan": False, **schema}))

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:
        """Describe seconds, and the other way to write them."""
        return {"anyOf": [dict(_SECONDS), super().timedelta_schema(schema)]}

    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> JsonSchemaValue:
        """Describe arrays, and what only a reference can stand for."""
        cls, array = schema["cls"], array_of(schema)
        if array is not None:
            return {"anyOf": [numbers_schema(array), reference_schema(cls)]}
        if is_collection(cls):
            return {"type": "array"}
        return reference_schema(cls)

    def encode_default(self, dft: Any) -> Any:
        """Give a default as JSON."""
        return json_value(dft)


class _OutputSchema(_Schema):
    """What is written, whose fields are all there."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Say nothing of defaults."""
        return self.generate_inner(schema["schema"])

    def field_is_required(self, field: Any, total: bool) -> bool:
        """Tell whether a field is always there."""
        if field["type"] == "typed-dict-field":
            return bool(field.get("required", total))
        return bool(field.get("init", True))

    def field_is_present(self, field: Any) -> bool:
        """Have them all."""
        return True

    def is_needed(self, schema: CoreSchema) -> bool:
        """Have them all."""
        return True

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:
        """Describe seconds."""
        return dict(_SECONDS)

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """Describe its digits as text."""
        return {"type": "string", "description": "a decimal number"}

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Describe a dataclass with the fields that it sets by itself."""
        described = super().dataclass_schema(schema)
        properties = described.setdefault("properties", {})
        for field in getattr(schema["cls"], "__dataclass_fields__", {}).values():
            if not field.init:
                properties.setdefault(field.name, {"description": "set by the class itself"})
        return described

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Describe a model; one that is a single value is written as an object, too."""
        described = super().model_schema(schema)
        if not schema.get("root_model"):
            return described
        return {"type": "object", "properties": {"root": described}, "required": ["root"]}

    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> JsonSchemaValue:
        """Describe arrays by what is told of them, and references by their numbers."""
        cls, array = schema["cls"], array_of(schema)
        if array is not None:
            return summary_schema(array)
        if is_collection(cls):
            return {"type": "array"}
        if isinstance(cls, type) and issubclass(cls, Ref):
            return handle_schema()
        return {"description": f"a {type_name(cls)}, as text or as an object"}


def _told(schema: Any) -> Any:
    """Leave out limits that clients know no number for; whoever reads the value knows them."""
    return {key: each for key, each in schema.items() if key not in _LIMITS or _is_known(each)}


def _is_known(limit: Any) -> bool:
    try:
        return limit is None or math.isfinite(limit)
    except OverflowError:
        return False


def _are_names(words: list[Any]) -> bool:
    return all(isinstance(each, str) for each in words) and len(set(words)) == len(words)


def _without(schema: JsonSchema, key: str) -> JsonSchema:
    return {name: each for name, each in schema.items() if name != key}


def _described(cls: Any) -> JsonSchema:
    summary = summary_of(cls)
    return {"description": summary} if summary else {}


def _documented(described: JsonSchema, cls: Any) -> JsonSchema:
    """Add what is said of a class and of its fields."""
    if cls is None or "properties" not in described:
        return described
    docs = FieldDocs(cls)
    properties = {}
    for name, each in described["properties"].items():
        doc = docs.of(name, None)
        is_said = each.get("description", ANYTHING) != ANYTHING
        properties[name] = each if is_said or not doc else {**each, "description": doc}
    described.pop("description", None)
    return {**described, **_described(cls), "properties": properties}


def _words(words: list[Any]) -> JsonSchema:
    """Describe a choice among values."""
    names = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
    kinds = {names.get(type(each), "") for each in words}
    described: JsonSchema = {"enum": words} if len(words) != 1 else {"const": words[0]}
    return {"type": kinds.pop(), **described} if len(kinds) == 1 and all(kinds) else described
