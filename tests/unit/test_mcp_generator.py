"""Schemas as tools: pure functions, whatever is in a schema."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from seer_rpc.errors import ConfigError
from seer_rpc.generators.mcp import mcp_tools
from seer_rpc.mcp.arguments import ArgumentCheck
from seer_runtime.wire.pb.interface_pb2 import Function, InterfaceSchema, Type
from tests.corpus import schemas

EMPTY = '{"type":"object","properties":{}}'


def function(name: str, **fields: Any) -> Function:
    given = {"input_schema": EMPTY, "output_schema": "{}", "result": Type(name="any"), **fields}
    return Function(name=name, **given)


def tool(**fields: Any) -> Any:
    (made,) = mcp_tools(InterfaceSchema(functions=[function("call", **fields)]))
    return made


def test_tools_of_the_corpus_can_be_told_to_every_client() -> None:
    for schema in schemas().values():
        for made in mcp_tools(schema):
            Draft202012Validator.check_schema(made.input_schema)
            Draft202012Validator.check_schema(made.output_schema)
            assert made.input_schema["type"] == made.output_schema["type"] == "object"
            told = json.dumps([made.input_schema, made.output_schema], ensure_ascii=False)
            assert told.encode()
            assert "NaN," not in told.replace('"NaN",', "")
            assert made.description.strip()
            assert made.name.isascii()
            assert made.title


def test_the_same_schema_gives_the_same_tools() -> None:
    for schema in schemas().values():
        assert mcp_tools(schema) == mcp_tools(
            InterfaceSchema.FromString(schema.SerializeToString())
        )


@pytest.mark.parametrize(
    ("name", "made"),
    [("Steering.set", "Steering_set"), ("größe", "grou00dfe"), ("ß", "u00df"), ("_x", "_x")],
)
def test_the_names_of_tools_are_plain(name: str, made: str) -> None:
    (described,) = mcp_tools(InterfaceSchema(functions=[function(name)]))

    assert described.name == made
    assert described.function == name


def test_two_functions_of_one_name_are_refused() -> None:
    schema = InterfaceSchema(functions=[function("a.b"), function("a_b")])

    with pytest.raises(ConfigError, match=r"a\.b and a_b would both be the tool 'a_b'"):
        mcp_tools(schema)


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(ConfigError, match="too long"):
        mcp_tools(InterfaceSchema(functions=[function("a" * 65)]))


def test_a_parameter_called_title_is_kept() -> None:
    schema = {"title": "arguments", "properties": {"title": {"title": "Title", "type": "string"}}}
    made = tool(input_schema=json.dumps(schema))

    assert made.input_schema["properties"] == {"title": {"type": "string"}}


@pytest.mark.parametrize(
    ("schema", "is_stream", "fits"),
    [
        ({"type": "object"}, False, {"a": 1}),
        ({"type": "object"}, True, {"result": [{"a": 1}]}),
        ({"type": "number"}, False, {"result": "NaN"}),
        ({"type": "array", "items": {"type": "number"}}, False, {"result": [1, "-Infinity"]}),
        ({"type": "string"}, False, {"result": "a"}),
        ({}, False, {"result": None}),
        (
            {"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "required": ["a"]}}},
            False,
            {"a": 1},
        ),
    ],
)
def test_results_and_notes_fit_the_output_schema(
    schema: dict[str, Any], is_stream: bool, fits: dict[str, Any]
) -> None:
    made = tool(output_schema=json.dumps(schema), is_stream=is_stream)
    validator = Draft202012Validator(made.output_schema)

    assert made.is_wrapped == ("result" in fits)
    assert validator.is_valid(fits)
    assert validator.is_valid({"note": "later", "job_id": "1"})


def test_a_read_only_function_may_be_called_again() -> None:
    assert tool(is_read_only=True).is_idempotent


@pytest.fixture
def nested() -> ArgumentCheck:
    schema = {
        "properties": {
            "x": {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]},
            "y": {"type": "number", "minimum": 0},
            "z": {"$ref": "#/$defs/Z"},
        },
        "additionalProperties": False,
        "$defs": {"Z": {"type": "object", "properties": {"z": {"$ref": "#/$defs/Z"}}}},
    }
    return ArgumentCheck(tool(input_schema=json.dumps(schema)))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"x": [1, "a"]}, 'x[1] must be an integer, not "a"'),
        ({"x": {}}, "x must be an integer or an array, not {}"),
        ({"y": -1}, "y: -1 is less than the minimum of 0"),
        ({"y": "big"}, 'y must be a number, not "big"'),
        ({"z": {"z": {"z": 1}}}, "z.z.z must be an object, not 1"),
        ({"xx": 1, "q": 2}, "there is no 'xx'; did you mean 'x'?, 'q' (there are: x, y, z)"),
    ],
)
def test_what_is_wrong_is_said_in_words(
    nested: ArgumentCheck, arguments: dict[str, Any], told: str
) -> None:
    assert told in nested.problem(arguments)


@pytest.mark.parametrize("arguments", [{}, {"y": "NaN"}, {"y": 0.5, "x": [1]}, {"z": {"z": {}}}])
def test_what_fits_is_let_through(nested: ArgumentCheck, arguments: dict[str, Any]) -> None:
    assert nested.problem(arguments) == ""


def test_arguments_without_an_end_are_refused(nested: ArgumentCheck) -> None:
    deep: dict[str, Any] = {}
    for _ in range(5_000):
        deep = {"z": deep}

    assert "nested too deeply" in nested.problem(deep)


@pytest.mark.parametrize(
    ("schema", "fits", "does_not"),
    [
        ({"type": "string", "pattern": r"^\p{L}+$", "maxLength": 3}, "a1", "abcd"),
        ({"type": "string", "pattern": "^(a+)+$"}, "a" * 60 + "!", 1),
        ({"type": "number", "multipleOf": 0.1, "maximum": 1}, 0.75, 2),
        ({"type": "number", "multipleOf": 0.5}, math.inf, "a"),
        (
            {
                "type": "object",
                "patternProperties": {"^a": {"type": "integer"}},
                "additionalProperties": False,
                "maxProperties": 1,
            },
            {"a": 1},
            {"a": 1, "b": 2},
        ),
        ({"type": "string", "not": {"pattern": "^a"}}, "b", 1),
        ({"type": "string", "not": {"enum": ["a"]}}, "b", "a"),
        ({"$ref": "#/$defs/A"}, "a" * 60 + "!", 1),
        (
            {"anyOf": [{"type": "string", "pattern": "^(a+)+$"}, {"type": "null"}]},
            "a" * 60 + "!",
            1,
        ),
    ],
)
def test_what_is_hard_to_check_is_left_to_the_function_and_all_else_is_checked(
    schema: dict[str, Any], fits: Any, does_not: Any
) -> None:
    definitions = {"A": {"type": "string", "pattern": "^(a+)+$"}}
    whole = {"type": "object", "properties": {"x": schema}, "$defs": definitions}
    made = tool(input_schema=json.dumps(whole))
    check = ArgumentCheck(made)

    assert check.problem({"x": fits}) == ""
    assert check.problem({"x": does_not}).startswith("call: x")
    assert made.input_schema["properties"]["x"] == schema
    assert made.input_schema["$defs"] == definitions


def test_parameters_may_be_called_as_what_is_hard_to_check() -> None:
    properties = {"pattern": {"type": "string"}, "multipleOf": {"type": "integer"}}
    whole = {"type": "object", "properties": properties, "additionalProperties": False}
    check = ArgumentCheck(tool(input_schema=json.dumps(whole)))

    assert check.problem({"pattern": "a", "multipleOf": 1}) == ""
    assert "multipleOf must be an integer" in check.problem({"multipleOf": "a"})
    assert "there is no 'other'" in check.problem({"other": 1})


def test_an_output_schema_promises_nothing_that_is_hard_to_check() -> None:
    schema = {"type": "string", "pattern": "^(a+)+$", "minLength": 1}
    made = tool(output_schema=json.dumps(schema))

    assert made.output_schema["properties"]["result"] == {"type": "string", "minLength": 1}
