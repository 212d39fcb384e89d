"""Prompts: what a model is told of an interface, in as many tokens as there are."""

from __future__ import annotations

import textwrap

import pytest

from seer_rpc.errors import ConfigError
from seer_rpc.generators import estimate_tokens, interface_prompt
from seer_runtime.wire.outline import signature
from seer_runtime.wire.pb.interface_pb2 import (
    Default,
    Field,
    Function,
    InterfaceSchema,
    Member,
    NamedType,
    Parameter,
    Type,
)
from tests.corpus import InterfaceFile, interface_files, schemas

COMMAND = ["/opt/a python/bin/python", "/state/call.py"]
TEXT = Type(name="str")
SCHEMA = InterfaceSchema(
    name="tools",
    doc="Tools for texts.\n\nThere is more to say.",
    functions=[
        Function(
            name="shout",
            doc="Shout a text.\n\nA long story of shouting.\n\nArgs:\n    text: What to shout.",
            parameters=[
                Parameter(name="text", type=TEXT, doc="What to shout."),
                Parameter(
                    name="tone",
                    type=Type(name="Tone", named=True),
                    default=Default(text="Tone.LOUD"),
                ),
            ],
            result=TEXT,
            result_doc="The text, louder.",
            input_schema='{"properties": {"text": {"type": "string"}}, "required": ["text"]}',
        )
    ],
    types=[
        NamedType(
            name="Tone",
            kind=NamedType.ENUM,
            base="Enum",
            members=[Member(name="LOUD", value="'loud'")],
        ),
        NamedType(name="Report", fields=[Field(name="text", type=TEXT, optional=True)]),
    ],
)


def prompt(tokens: int = 4000, schema: InterfaceSchema = SCHEMA) -> str:
    return interface_prompt(schema, COMMAND, library=schema.name, tokens=tokens)


def test_it_says_what_there_is_how_it_is_called_and_what_comes_back() -> None:
    text = prompt()

    for part in (
        "A long story of shouting.",
        "There is more to say.",
        "shout(text: str, tone: Tone = Tone.LOUD) -> str",
        "Enum Tone(LOUD = 'loud')",
        "dataclass Report(text?: str)",
        """'/opt/a python/bin/python' /state/call.py call shout --json '{"text": "text"}'""",
        "import tools",
        "results are JSON",
    ):
        assert part in text


def test_details_go_in_an_order_and_the_names_go_last() -> None:
    details = [
        "A long story of shouting.",
        "What to shout.",
        "Shout a text.",
        "text: str, tone: Tone",
        "shout(text",
    ]
    whole = estimate_tokens(prompt())
    last = dict.fromkeys(details, 0)
    for tokens in range(40, whole + 60):
        try:
            text = prompt(tokens)
        except ConfigError:
            continue
        last.update({detail: tokens for detail in details if detail not in text})

    # The fewest tokens with which each is there for good: the last to go need the fewest.
    assert list(last) == sorted(details, key=lambda detail: -last[detail])
    assert last["shout(text"] < last["Shout a text."] < last["A long story of shouting."] < whole


@pytest.mark.parametrize("file", interface_files(), ids=lambda file: file.name)
def test_no_budget_is_exceeded_and_a_large_one_has_everything(file: InterfaceFile) -> None:
    schema = schemas()[file.name]
    for tokens in (120, 200, 400, 1000, 4000):
        assert estimate_tokens(prompt(tokens, schema)) <= tokens
    whole = prompt(100_000, schema)
    assert all(signature(each) in whole for each in schema.functions)
    assert all(textwrap.indent(each.doc, "    ").strip() in whole for each in schema.functions)
    assert whole == prompt(100_000, schema)


def test_many_functions_are_named_and_too_many_can_be_listed() -> None:
    functions = [Function(name=f"function_{n}", result=TEXT) for n in range(500)]
    many = InterfaceSchema(name="many", functions=functions)

    named = prompt(3600, many)
    assert estimate_tokens(named) <= 3600
    assert "function_499" in named
    listed = prompt(200, many)
    assert estimate_tokens(listed) <= 200
    assert "function_499" not in listed
    assert "/state/call.py list" in listed


def test_too_few_tokens_are_refused_with_how_many_it_takes() -> None:
    with pytest.raises(ConfigError, match="10 tokens are too few") as caught:
        prompt(10)
    enough = int(caught.value.hint.split()[2])
    assert estimate_tokens(prompt(enough)) <= enough
    with pytest.raises(ConfigError):
        prompt(enough - 1)
