"""JSON Schema of arrays, of what is told of them, and of references."""

from __future__ import annotations

from typing import Any

from seer_runtime.array_hints import ArrayHint
from seer_runtime.portable_schemas import JsonSchema
from seer_runtime.references import Ref

_LENGTHS: JsonSchema = {"type": "array", "items": {"type": "integer"}}


def numbers_schema(array: ArrayHint) -> JsonSchema:
    """Describe what an array is built from."""
    inner = {"description": "a number, or an array of such"}
    text = f"numbers, nested as the shape{_told(array)}"
    return {"anyOf": [{"type": "array", "items": inner, "description": text}, {"type": "number"}]}


def summary_schema(array: ArrayHint) -> JsonSchema:
    """Describe what is told of an array in a result."""
    return {
        "type": "object",
        "properties": {"dtype": {"type": "string"}, "shape": dict(_LENGTHS)},
        "required": ["dtype", "shape"],
        "description": f"what is told of an array{_told(array)}",
    }


def reference_schema(cls: Any) -> JsonSchema:
    """Describe what stands for a value that stayed in the sandbox, as an argument."""
    return {
        "type": "object",
        "properties": {"reference": {"type": "integer"}},
        "required": ["reference"],
        "additionalProperties": False,
        "description": f"a {type_name(cls)} that stayed in the sandbox, by the number in a result",
    }


def handle_schema() -> JsonSchema:
    """Describe what stands for a value that stays in the sandbox, in a result."""
    return {
        "type": "object",
        "properties": {
            "reference": {"type": "integer"},
            "type": {"type": "string"},
            "dtype": {"type": "string"},
            "shape": dict(_LENGTHS),
            "device": {"type": "string"},
        },
        "required": ["reference"],
        "description": "a value that stays in the sandbox; give its number as an argument",
    }


def type_name(cls: Any) -> str:
    """Name a class in a description."""
    return "value" if cls is Ref else str(getattr(cls, "__name__", cls))


def _told(array: ArrayHint) -> str:
    told = [f"{name} {text}" for name, text in (("dtype", array.dtype), ("shape", array.shape))]
    known = [each for each, text in zip(told, array[1:], strict=True) if text]
    return f" ({', '.join(known)})" if known else ""
