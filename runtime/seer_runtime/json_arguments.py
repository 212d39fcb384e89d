"""Arguments that come as JSON: what a function takes, as JSON Schema, and how it is read."""

from __future__ import annotations

import contextlib
import inspect
import json
import types
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any

import typing_extensions
from pydantic import Field, ValidationError
from pydantic_core import CoreSchema, PydanticSerializationError, SchemaValidator

from seer_runtime.arguments import ArgumentsError, check_names, explain, misfit
from seer_runtime.core_schemas import core_schema_of
from seer_runtime.decimals import DecimalParser
from seer_runtime.docstrings import noted
from seer_runtime.json_reading import Resolve, json_reader
from seer_runtime.json_schemas import input_schema
from seer_runtime.json_values import json_value
from seer_runtime.portable_schemas import ANYTHING, JsonSchema, is_portable
from seer_runtime.wire.pb.interface_pb2 import Default

_EMPTY = inspect.Parameter.empty
_MOST_SAID = 100
"""Characters of a default's source."""

_OTHERS = "others by name"
"""Where the hint of `**kwargs` stands among those of parameters; none can have this name."""


class JsonArgumentReader:
    """Reads the arguments of one function from a JSON object of its parameters by name.

    Positional-only parameters have names there, too. `*args` is a list under its own name; what
    `**kwargs` takes stands beside the rest.
    """

    def __init__(
        self,
        name: str,
        signature: inspect.Signature,
        hints: Mapping[str, Any],
        docs: Mapping[str, str],
    ) -> None:
        """Take the function's signature and resolved hints, and what is said of parameters."""
        self._name = name
        self._signature = signature
        self._keys: dict[str, Any] = {}
        self._takes_others = False
        for parameter in signature.parameters.values():
            key, hint = parameter.name, hints.get(parameter.name, Any)
            if parameter.kind is parameter.VAR_KEYWORD:
                self._takes_others = True
                key, hint = _OTHERS, types.GenericAlias(dict, (str, hint))
            elif parameter.kind is parameter.VAR_POSITIONAL:
                hint = types.GenericAlias(list, hint)
            self._keys[key] = _key(parameter, hint, docs.get(parameter.name, ""))

    def schema(self, defaults: Mapping[str, Default]) -> JsonSchema:
        """Give what it reads as JSON Schema; `defaults` say which of them can be written down."""
        schema = input_schema(self._core)
        properties: dict[str, JsonSchema] = schema["properties"]
        others = properties.pop(_OTHERS, None)
        if others is not None:
            schema["additionalProperties"] = others.get(
                "additionalProperties", {"description": ANYTHING}
            )
        for name, default in defaults.items():
            _add_default(properties[name], default, self._signature.parameters[name].default)
        return schema

    def read(self, text: str, resolve: Resolve) -> tuple[list[Any], dict[str, Any]]:
        """Give the arguments by position and by name.

        `resolve` gives the values of references.

        Raises:
            ArgumentsError: they do not fit the function.
        """
        try:
            # As JSON, from which alone pydantic reads tuples, sets, dates and bytes.
            plain = json.dumps(self._decimals.marked(self._nested(self._parsed(text))))
            values: dict[str, Any] = self._reader.validate_json(plain, context={"resolve": resolve})
        except RecursionError:
            raise ArgumentsError(f"{self._name}(): the arguments are nested too deeply") from None
        except ValidationError as error:
            raise misfit(self._name, self._signature, f"(): {explain('', error)}") from None
        return self._placed(values)

    def _parsed(self, text: str) -> dict[str, Any]:
        try:
            given = self._decimals.parse(text)
        except ValueError as error:
            raise ArgumentsError(f"{self._name}(): the arguments are no JSON: {error}") from None
        if not isinstance(given, dict):
            raise ArgumentsError(f"{self._name}(): the arguments are an object, by their names")
        self._check_names(given)
        return given

    def _check_names(self, given: Mapping[str, Any]) -> None:
        check_names(self._name, self._signature, given)
        for name, parameter in self._signature.parameters.items():
            if _is_needed(parameter) and name not in given:
                raise misfit(self._name, self._signature, f"(): missing argument {name!r}")

    @cached_property
    def _core(self) -> CoreSchema:
        return core_schema_of(self._keys)

    @cached_property
    def _decimals(self) -> DecimalParser:
        return DecimalParser(self._core)

    @cached_property
    def _reader(self) -> SchemaValidator:
        return json_reader(self._core)

    def _nested(self, given: dict[str, Any]) -> dict[str, Any]:
        """Put what `**kwargs` takes where its hint is."""
        if not self._takes_others:
            return given
        named = {n: each for n, each in given.items() if n in self._keys and n != _OTHERS}
        return {**named, _OTHERS: {n: each for n, each in given.items() if n not in named}}

    def _placed(self, values: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        bound = self._signature.bind_partial()
        for parameter in self._signature.parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                bound.arguments[parameter.name] = values[_OTHERS]
            elif parameter.name in values:
                value = values[parameter.name]
                is_tuple = parameter.kind is parameter.VAR_POSITIONAL
                bound.arguments[parameter.name] = tuple(value) if is_tuple else value
        bound.apply_defaults()
        return list(bound.args), bound.kwargs


def _is_needed(parameter: inspect.Parameter) -> bool:
    is_open = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    return parameter.default is _EMPTY and not is_open


def _key(parameter: inspect.Parameter, hint: Any, doc: str) -> Any:
    needed = _is_needed(parameter)
    marker = typing_extensions.Required if needed else typing_extensions.NotRequired
    # What is said beside the hint goes before what the docstring says.
    said = doc and not noted(hint)
    return marker[Annotated[hint, Field(description=doc)] if said else hint]


def _add_default(described: JsonSchema, default: Default, value: Any) -> None:
    with contextlib.suppress(PydanticSerializationError):
        if default.is_literal and is_portable(plain := json_value(value)):
            described["default"] = plain
            return
    source = "a default of its own" if default.text == "..." else f"`{_shortened(default.text)}`"
    said = described.get("description", ANYTHING)
    before = "" if said == ANYTHING else f"{said.rstrip('.')}. "
    described["description"] = f"{before}Where it is left out, the function takes {source}."


def _shortened(source: str) -> str:
    return source if len(source) <= _MOST_SAID else f"{source[:_MOST_SAID]} ..."
