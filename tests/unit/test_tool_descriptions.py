"""What a model reads of the tools of every interface of the corpus.

This sees to it that everything is said, and that clients take it; whether a model understands it,
only a model can show.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import mcp_types
import pytest

from seer_rpc.generators import estimate_tokens
from seer_rpc.generators.mcp import mcp_tools
from seer_rpc.generators.tool_texts import MOST_CHARACTERS
from seer_rpc.mcp.interface.server import make_server
from seer_runtime.wire.pb.interface_pb2 import Function, InterfaceSchema, Type
from tests.corpus import interface_files, schemas

NAMES = [each.name for each in interface_files()]
KINDS = {"type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"}

MOST_TOKENS_EACH = 450
"""Of a tool on average, by a generous estimate; with docstrings of a common length it is half."""


@cache
def tools(interface: str) -> list[mcp_types.Tool]:
    server = make_server(schemas()[interface], Path("none"), Path("none"), wait=45)
    return [tool.to_mcp_tool() for tool in asyncio.run(server.list_tools())]


@pytest.mark.parametrize("interface", NAMES)
def test_every_tool_has_a_name_that_clients_take_and_says_what_comes_back(interface: str) -> None:
    given = {each.name: each.function for each in mcp_tools(schemas()[interface])}
    for tool in tools(interface):
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", tool.name)
        assert tool.title
        text = tool.description or ""
        assert len(text.split()) >= 3
        assert len(text) <= 1024
        if tool.name in given:
            assert re.search(r"Gives (nothing back|a result|`.+`)", text), text


@pytest.mark.parametrize("interface", NAMES)
def test_every_parameter_says_what_it_is(interface: str) -> None:
    for tool in tools(interface):
        required = tool.input_schema.get("required", [])
        for name, schema in parameters(tool).items():
            assert "description" in schema or KINDS & schema.keys(), (tool.name, name)
            is_optional = "default" in schema or "description" in schema
            assert name in required or is_optional or is_list(schema), (tool.name, name)


def parameters(tool: mcp_types.Tool) -> Mapping[str, Any]:
    found: Mapping[str, Any] = tool.input_schema.get("properties", {})
    return found


def is_list(schema: Mapping[str, Any]) -> bool:
    """Tell whether it is one of any number of arguments: none of them is one of these numbers."""
    return schema.get("type") == "array"


@pytest.mark.parametrize("interface", NAMES)
def test_what_is_told_of_an_interface_takes_few_tokens(interface: str) -> None:
    told = [each.model_dump_json(by_alias=True, exclude_none=True) for each in tools(interface)]

    assert sum(map(estimate_tokens, told)) / len(told) < MOST_TOKENS_EACH + long_docs(interface)


def long_docs(interface: str) -> int:
    """Give what the docstrings of the user's own take."""
    return estimate_tokens("".join(each.doc for each in schemas()[interface].functions))


def made(**fields: Any) -> Any:
    schema = '{"type":"object","properties":{"x":{"type":"integer"}}}'
    given = {"input_schema": schema, "output_schema": "{}", "result": Type(name="str"), **fields}
    (tool,) = mcp_tools(InterfaceSchema(functions=[Function(name="call", **given)]))
    return tool


@pytest.mark.parametrize("length", [900, 1000, 1010, 1024, 1025, 5_000])
def test_a_long_docstring_is_told_in_two_places_whole(length: int) -> None:
    words = [f"word{number:03d}" for number in range(length // 8)]
    tool = made(doc=" ".join(words), result_doc="The answer.", is_destructive=True)

    assert len(tool.description) <= MOST_CHARACTERS
    assert tool.description.endswith(
        "Gives `str`: The answer. (may destroy what cannot be brought back)"
    )
    head = tool.description.partition("\n\n")[0].removesuffix(" …")
    assert f"{head} {tool.input_schema.get('description', '')}".split() == words


@pytest.mark.parametrize("doc", ["x" * 5_000, "é " * 2_000, "a\n\n" * 900])
def test_any_docstring_fits(doc: str) -> None:
    tool = made(doc=doc, result_doc="y" * 5_000)

    assert len(tool.description) <= MOST_CHARACTERS
    assert "Gives `str`" in tool.description


def test_what_a_docstring_says_of_the_result_is_said_once() -> None:
    tool = made(doc="Do.\n\nReturns:\n    The answer.", result_doc="The answer.")

    assert tool.description.count("The answer.") == 1


def test_a_result_of_a_long_type_is_still_one() -> None:
    union = Type(name="union", arguments=[Type(name=f"Class{number}") for number in range(99)])

    assert made(doc="Do.", result=union).description == "Do.\n\nGives a result."
