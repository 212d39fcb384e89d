"""What reads values from JSON: pydantic's own, and what it has no word for replaced."""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import timezone
from enum import Enum
from typing import Any

from pydantic_core import CoreSchema, PydanticCustomError, SchemaValidator, core_schema

from seer_runtime.array_hints import ArrayHint
from seer_runtime.core_schemas import array_of, is_collection, rewritten
from seer_runtime.decimals import decimal_reader
from seer_runtime.json_values import NOT_FINITE, json_value
from seer_runtime.wire.errors import DecodeError

Resolve = Callable[[list[int]], Any]
"""Gives the value of a reference by its number."""


def json_reader(core: CoreSchema) -> SchemaValidator:
    """Give what reads JSON as `core` says; its context has `resolve`, a `Resolve`."""
    # What pydantic has built for a class before knows nothing of what is replaced.
    return SchemaValidator(rewritten(core, _readable), _use_prebuilt=False)


def _readable(part: Any) -> Any:
    """Replace what JSON has no word for, or another one than pydantic's."""
    match part:
        case {"type": "is-instance", "cls": cls}:
            return _instance_reader(cls, array_of(part))
        case {"type": "generator"}:
            items = part.get("items_schema")
            return core_schema.list_schema(items and rewritten(items, _readable))
        case {"type": "enum", "cls": cls, "members": members}:
            return _choice_reader(members, cls)
        case {"type": "literal", "expected": values} if any(map(_has_word, values)):
            return _choice_reader(values, None)
        case {"type": "decimal"}:
            return decimal_reader(part)
        case {"type": "datetime" | "time"}:
            return core_schema.no_info_after_validator_function(_with_plain_zone, part)
        case {"type": "model" | "dataclass" | "typed-dict", "config": dict(config)}:
            if config.get("val_json_bytes") != "base64":
                config = {**config, "val_json_bytes": "base64"}
                return rewritten({**part, "config": config}, _readable)
    return None


def _instance_reader(cls: Any, array: ArrayHint | None) -> CoreSchema:
    if is_collection(cls):
        return core_schema.list_schema()
    build = None if array is None else _ARRAYS[array.name]

    def read(value: Any, info: core_schema.ValidationInfo) -> Any:
        match value:
            case {"reference": int(number)} if len(value) == 1:
                return _referred(number, info.context)
        if build is None or array is None:
            raise PydanticCustomError("reference", 'expected {{"reference": NUMBER}}')
        return _fitting(cls, build, value, array)

    return core_schema.with_info_plain_validator_function(read)


def _referred(number: int, context: Any) -> Any:
    resolve: Resolve = context["resolve"]
    try:
        return resolve([number])
    except DecodeError as error:
        raise PydanticCustomError("reference", "{why}", {"why": str(error)}) from None


def _fitting(cls: Any, build: Callable[[Any, str], Any], value: Any, array: ArrayHint) -> Any:
    try:
        built = build(_numbers(value), array.dtype)
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:
        message = "not an array of numbers: {why}"
        raise PydanticCustomError("array", message, {"why": str(error)}) from None
    if not isinstance(built, cls):
        shape = {"cls": cls.__name__, "dtype": str(built.dtype), "shape": str(list(built.shape))}
        raise PydanticCustomError("array", "no {cls}: it has dtype {dtype}, shape {shape}", shape)
    return built


def _numbers(value: Any) -> Any:
    """Give nested lists with numbers for the texts that stand for them."""
    if isinstance(value, list):
        return [_numbers(each) for each in value]
    return float(value) if value in NOT_FINITE else value


def _array(value: Any, dtype: str) -> Any:
    numpy = importlib.import_module("numpy")
    kind = getattr(numpy, {"float": "float64"}.get(dtype, dtype), None) if dtype else None
    array = numpy.array(value)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"got {type(value).__name__}")
    if kind is None:
        return array
    with numpy.errstate(all="ignore"):
        typed = array.astype(kind)
    if typed.dtype.kind in "biu" and not numpy.array_equal(typed, array):
        raise ValueError(f"they do not fit into {typed.dtype}")
    return typed


def _tensor(value: Any, dtype: str) -> Any:
    torch = importlib.import_module("torch")
    kind = torch.get_default_dtype() if dtype == "float" else getattr(torch, dtype, None)
    plain = torch.tensor(value)
    if not isinstance(kind, torch.dtype):
        return plain
    typed = torch.tensor(value, dtype=kind)
    is_whole = not (typed.is_floating_point() or typed.is_complex())
    if is_whole and plain.is_floating_point() and not torch.equal(typed.to(plain.dtype), plain):
        raise ValueError(f"they do not fit into {dtype}")
    return typed


_ARRAYS: Mapping[str, Callable[[Any, str], Any]] = {
    "torch.Tensor": _tensor,
    "numpy.ndarray": _array,
}


def _with_plain_zone(value: Any) -> Any:
    """Give a time whose zone is Python's own; pydantic's does not cross."""
    offset = value.utcoffset()
    return value if offset is None else value.replace(tzinfo=timezone(offset))


def _has_word(value: Any) -> bool:
    return isinstance(value, Enum | bytes)


def _choice_reader(choices: Iterable[Any], cls: type[Enum] | None) -> CoreSchema:
    """Read values by what stands for them in JSON, as a key of an object, too."""
    words = {_key(json_value(each)): each for each in choices}
    by_text = {str(json_value(each)): each for each in choices}

    def read(value: Any) -> Any:
        key = _key(value)
        if key in words:
            return words[key]
        if isinstance(value, str) and value in by_text:
            return by_text[value]
        # Flags have combinations, other classes may know more than their members.
        with contextlib.suppress(ValueError, TypeError):
            if cls is not None:
                return cls(value)
        expected = {"expected": " or ".join(words)}
        raise PydanticCustomError("choice", "Input should be {expected}", expected)

    return core_schema.no_info_plain_validator_function(read)


def _key(value: Any) -> str:
    return json.dumps(value, default=str)
