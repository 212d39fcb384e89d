"""Hints to what pydantic makes of them: the ground for reading, checking and JSON Schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple, cast, get_args, get_origin

import typing_extensions
from pydantic import ConfigDict, GetCoreSchemaHandler, PydanticUserError, TypeAdapter
from pydantic_core import CoreSchema, SchemaError, core_schema

from seer_runtime.array_hints import ArrayHint, array_hint
from seer_runtime.resolution import with_parts
from seer_runtime.typed_dicts import let_pydantic_read

_NOT_BUILT = (
    *(PydanticUserError, SchemaError),
    *(NameError, TypeError, AttributeError, KeyError, RecursionError),
)
"""What pydantic raises where it can make nothing of a hint, or one names what is not there."""

_CONFIG = ConfigDict(arbitrary_types_allowed=True, val_json_bytes="base64", extra="forbid")
# What is no part of a type: values, functions and what is noted for others.
_NO_PARTS = frozenset({"metadata", "default", "expected", "members", "cls", "function"})

let_pydantic_read()


def core_schema_of(keys: Mapping[str, Any]) -> CoreSchema:
    """Give what pydantic makes of an object with these keys, by their hints, and no others.

    A hint of which it makes nothing takes any value.
    """
    try:
        return _built(keys)
    except _NOT_BUILT:
        return _built({name: _buildable(hint) for name, hint in keys.items()})


def core_schema_of_value(hint: Any) -> CoreSchema:
    """Give what pydantic makes of a hint: what takes any value, where that is nothing."""
    core: Any = core_schema_of({"value": hint})
    if core["type"] != "definitions":
        return cast("CoreSchema", core["fields"]["value"]["schema"])
    value = core["schema"]["fields"]["value"]["schema"]
    return core_schema.definitions_schema(value, core["definitions"])


def rewritten(core: CoreSchema, rewrite: Callable[[Any], Any]) -> CoreSchema:
    """Give a schema with its parts replaced by what `rewrite` gives for them.

    Where that is None, the part stays and its own parts are rewritten.
    """
    return cast("CoreSchema", _rewritten(core, rewrite))


def array_of(schema: Mapping[str, Any]) -> ArrayHint | None:
    """Give what is known of the array that an `is-instance` schema is for; None for others."""
    noted: ArrayHint | None = schema.get("metadata", {}).get("array")
    return noted or array_hint(schema["cls"])


def is_collection(cls: Any) -> bool:
    """Tell whether the class of an `is-instance` schema stands for any collection."""
    return getattr(cls, "__module__", "") == "collections.abc"


class _Noted(NamedTuple):
    """Beside an array's class: what pydantic would forget of its hint."""

    array: ArrayHint

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Note it in the schema of the class."""
        return core_schema.is_instance_schema(source, metadata={"array": self.array})


def _with_notes(hint: Any) -> Any:
    """Give a hint with what it says of arrays noted beside their classes."""
    notes = hint.__metadata__ if get_origin(hint) is Annotated else ()
    inner = get_args(hint)[0] if notes else hint
    array = array_hint(inner, notes)
    if array is None:
        return with_parts(hint, _with_notes)
    return Annotated[get_origin(inner) or inner, _Noted(array), *notes]


def _buildable(hint: Any) -> Any:
    try:
        _built({"value": hint})
    except _NOT_BUILT:
        is_optional = get_origin(hint) is typing_extensions.NotRequired
        return typing_extensions.NotRequired[Any] if is_optional else Any
    return hint


def _built(keys: Mapping[str, Any]) -> CoreSchema:
    noted = {name: _with_notes(hint) for name, hint in keys.items()}
    shape: Any = vars(typing_extensions)["TypedDict"]("arguments", noted)
    # What has no configuration of its own inherits this one, at any depth.
    shape.__pydantic_config__ = _CONFIG
    adapter = TypeAdapter(shape)
    adapter.rebuild(raise_errors=True)
    return adapter.core_schema


def _rewritten(part: Any, rewrite: Callable[[Any], Any]) -> Any:
    if isinstance(part, list | tuple):
        return type(part)(_rewritten(each, rewrite) for each in part)
    if not isinstance(part, dict):
        return part
    replaced = rewrite(part)
    if replaced is not None:
        return replaced
    return {
        key: each if key in _NO_PARTS else _rewritten(each, rewrite) for key, each in part.items()
    }
