"""Values that a file names, as JSON: defaults, literals and members of enumerations."""

from __future__ import annotations

import base64
import math
from enum import Enum
from typing import Any

from pydantic_core import PydanticSerializationError, to_jsonable_python

from seer_runtime.wire.records import member_word

NOT_FINITE = ("NaN", "Infinity", "-Infinity")
"""The texts for numbers that JSON has no word for."""


def json_value(value: Any) -> Any:
    """Give a default, a literal or a member of an enumeration as JSON.

    Raises:
        PydanticSerializationError: there is no JSON for it.
    """
    match value:
        case Enum():
            return json_value(member_word(value))
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return base64.b64encode(value).decode()
        case set() | frozenset():
            return sorted(map(json_value, value), key=repr)
        case list() | tuple():
            return list(map(json_value, value))
        case dict():
            plain = {str(json_value(key)): json_value(each) for key, each in value.items()}
            if len(plain) < len(value):
                raise PydanticSerializationError("several of its keys are one text")
            return plain
    return json_value(to_jsonable_python(value, bytes_mode="base64"))
