"""A tool's arguments held against its schema, and what is wrong with them in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from seer_rpc.generators.mcp import McpTool
from seer_rpc.generators.schema_changes import allowing_words, easily_checked
from seer_runtime.wire.names import did_you_mean

_MOST_ERRORS = 5
_MOST_SHOWN = 80
_ARTICLES = {"integer": "an integer", "object": "an object", "array": "an array", "null": "null"}


class ArgumentCheck:
    """Checks the arguments of one tool before its function is called."""

    def __init__(self, tool: McpTool) -> None:
        """Take the tool's schema; what is hard to check is for who reads them for the function."""
        self._tool = tool
        self._validator = Draft202012Validator(easily_checked(allowing_words(tool.input_schema)))

    def problem(self, arguments: Mapping[str, Any]) -> str:
        """Say what is wrong; nothing where the arguments fit."""
        try:
            errors = list(self._validator.iter_errors(arguments))
        except RecursionError:
            return f"{self._tool.name}: the arguments are nested too deeply. It did not run."
        if not errors:
            return ""
        sentences = list(dict.fromkeys(_sentence(each) for each in errors))
        if len(sentences) > _MOST_ERRORS:
            sentences[_MOST_ERRORS:] = [f"and {len(sentences) - _MOST_ERRORS} more"]
        return (
            f"{self._tool.name}: {'; '.join(sentences)}. "
            "It did not run; correct the arguments and call again."
        )


def _sentence(error: ValidationError) -> str:
    # Of the alternatives that were tried, the one that nearly fits tells most.
    error = best_match([error]) or error
    where, instance = _place(error.absolute_path), cast("Any", error.instance)
    match error.validator, error.validator_value:
        case "required", [*names]:
            missing = [f"{where}.{name}" if where else name for name in names]
            absent = [
                label for label, name in zip(missing, names, strict=True) if name not in instance
            ]
            return f"{' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} missing"
        case "additionalProperties", False:
            return _unknown(error.schema, instance, where)
        case "type", kind:
            return f"{where or 'they'} must be {_kind(kind)}, not {_shown(instance)}"
        case "enum", [*values]:
            allowed = ", ".join(map(_shown, values))
            return f"{where} must be one of {allowed}, not {_shown(instance)}"
        case "anyOf" | "oneOf", [*kinds]:
            allowed = " or ".join(
                dict.fromkeys(_kind(each["type"]) for each in kinds if "type" in each)
            )
            return f"{where} must be {allowed or 'something else'}, not {_shown(instance)}"
    message = error.message
    if len(message) > 2 * _MOST_SHOWN:
        message = f"{_shown(instance)} breaks {error.validator} {error.validator_value}"
    return f"{where}: {message}" if where else message


def _unknown(schema: Any, instance: Mapping[str, Any], where: str) -> str:
    known = list(schema.get("properties", {}))
    unknown = [name for name in instance if name not in known]
    guesses = [f"{name!r}{did_you_mean(name, known)}" for name in unknown[:_MOST_ERRORS]]
    owner = f"{where} has" if where else "there is"
    return f"{owner} no {', '.join(guesses)} (there {_are(known)})"


def _are(names: Iterable[str]) -> str:
    listed = ", ".join(names)
    return f"are: {listed}" if listed else "are no arguments"


def _place(path: Iterable[str | int]) -> str:
    place = ""
    for step in path:
        place += f"[{step}]" if isinstance(step, int) else f".{step}" if place else step
    return place


def _kind(kind: Any) -> str:
    if isinstance(kind, list):
        return " or ".join(map(_kind, kind))
    return _ARTICLES.get(kind, f"a {kind}")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
