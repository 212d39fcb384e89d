"""Hints to what checks values against them: exactly, and without converting any."""

from __future__ import annotations

import functools
from typing import Any

from pydantic_core import SchemaValidator, core_schema

from seer_runtime.core_schemas import core_schema_of_value, rewritten
from seer_runtime.references import Ref


def strict_validator(hint: Any) -> SchemaValidator | None:
    """Give what checks values against `hint`; None where all fit."""
    if hint is Any:
        return None
    return _of_class(hint) if isinstance(hint, type) else _of(hint)


def _of(hint: Any) -> SchemaValidator:
    schema = rewritten(core_schema_of_value(hint), _exact)
    # What pydantic has built for a class before knows nothing of what is replaced.
    return SchemaValidator(schema, _use_prebuilt=False)


_of_class = functools.cache(_of)


def _exact(part: Any) -> Any:
    """Replace what pydantic would take a dictionary or a plain tuple for, or not take at all."""
    match part:
        case {"type": "is-instance", "cls": type() as cls} if issubclass(cls, Ref):
            # The function gets the value itself.
            return core_schema.any_schema()
        case {"type": "model", "cls": cls}:
            return core_schema.is_instance_schema(cls, ref=part.get("ref"))
        case {"type": "named-tuple", "cls": cls} | {"type": "call", "function": cls}:
            return core_schema.is_instance_schema(cls, ref=part.get("ref"))
        case {"type": "typed-dict", "extra_behavior": "forbid"}:
            # One with more keys is of a kind with it.
            return rewritten({**part, "extra_behavior": "ignore"}, _exact)
    return None
