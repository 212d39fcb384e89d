"""The functions of an interface as the tools of an MCP server, in both revisions of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from seer_rpc.environment import ScopedSandbox
from tests.integration.mcp_talk import Talk, talk, text_of

SOURCE = '''
"""Measure texts."""

import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Literal, TypedDict

from pydantic import Field

PREFERRED = object()


class Case(Enum):
    LOWER = "lower"
    UPPER = "upper"


@dataclass
class Node:
    name: str
    score: float = 0.0
    children: "list[Node]" = field(default_factory=list)


class Found(TypedDict):
    text: str
    at: int


@expose(read_only=True, timeout=30)
def measure(
    text: str, case: Case = Case.LOWER, weights: list[float] | None = None, *, scale: float = 1.0
) -> dict[str, float]:
    """Measure a text.

    Args:
        text: What to measure.
        case: How it is written.
        weights: One for each word.
        scale: What to multiply with.

    Returns:
        The measures by their names.
    """
    return {"length": len(text) * scale, case.value: sum(weights or [])}


@expose(destructive=True)
def forget(name: str) -> None:
    """Forget something."""


@expose(idempotent=True)
def tree(depth: int) -> Node:
    return Node(str(depth), depth / 2, [tree(depth - 1)] if depth else [])


@expose
def total(node: Node) -> float:
    return node.score + sum(map(total, node.children))


@expose
def numbers() -> list[float]:
    return [float("nan"), float("inf"), -float("inf"), 0.5]


@expose
def same(value: float) -> float:
    return value


@expose
def losses() -> dict[str, float]:
    return {"train": float("nan"), "valid": 1.5}


@expose
def words(count: int) -> Iterator[str]:
    for number in range(count):
        yield f"word {number}"


@expose
async def found(text: str) -> AsyncIterator[Found]:
    for at, letter in enumerate(text):
        yield {"text": letter, "at": at}


@expose
def anything(value: Any, chosen: Any = PREFERRED) -> Any:
    return [value, chosen is PREFERRED]


@expose
def many(*values: int, **named: Literal["a", "b"]) -> list[Any]:
    return [list(values), named]


@expose
def bounded(
    rank: Annotated[int, Field(ge=0, le=3)], name: Annotated[str, Field(max_length=4)]
) -> str:
    return name * rank


@expose
def matching(
    text: Annotated[str, Field(pattern="^(a+)+$")],
    half: Annotated[float, Field(multiple_of=0.5)] = 0,
) -> Annotated[str, Field(pattern="^(a+)+$")]:
    return text + "!"


@expose
def wrong() -> int:
    return "no number"


@expose
def broken(text: str) -> str:
    print("on standard output")
    helper(text)


def helper(text):
    raise ValueError(f"no {text} here")


@expose
def letters() -> str:
    return "lone \\ud800, whole \\U0001f600, nul \\0"


@expose
def big() -> int:
    return 2**70


@expose
def leave() -> None:
    sys.exit("enough")
'''


@pytest.fixture(scope="module", params=["auto", "legacy"])
def server(
    request: pytest.FixtureRequest, shared: ScopedSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Talk]:
    """A server of the interface above; one that speaks each revision."""
    file = tmp_path_factory.mktemp("mcp") / "interface.py"
    file.write_text(SOURCE)
    with talk(shared.serve(file, "mcp", f"tools_{request.param}"), request.param) as talking:
        yield talking


def test_there_is_a_tool_for_each_function_in_their_order(server: Talk) -> None:
    names = list(server.tools())

    assert names[:4] == ["measure", "forget", "tree", "total"]
    assert names[-3:] == ["job_get", "job_cancel", "job_list"]
    assert names == list(server.tools())


def test_a_tool_says_what_the_function_says(server: Talk) -> None:
    tool = server.tools()["measure"]

    assert tool.title == "Measure"
    assert (tool.description or "").startswith("Measure a text.")
    properties = tool.input_schema["properties"]
    assert list(properties) == ["text", "case", "weights", "scale"]
    assert properties["text"]["description"] == "What to measure."
    assert properties["scale"]["default"] == 1.0
    assert tool.input_schema["required"] == ["text"]
    assert "title" not in json.dumps(tool.input_schema)


def test_a_tool_says_what_a_call_may_do(server: Talk) -> None:
    tools = server.tools()

    hints = {name: tools[name].annotations for name in ("measure", "forget", "tree", "words")}
    told = {
        name: (each.read_only_hint, each.destructive_hint, each.idempotent_hint)
        for name, each in hints.items()
        if each is not None
    }
    assert told == {
        "measure": (True, False, True),
        "forget": (False, True, False),
        "tree": (False, False, True),
        "words": (False, False, False),
    }
    assert all(each is not None and each.open_world_hint is False for each in hints.values())


def test_every_schema_is_one_and_stands_alone(server: Talk) -> None:
    for tool in server.tools().values():
        schemas = [tool.input_schema, tool.output_schema]
        for schema in [each for each in schemas if each is not None]:
            Draft202012Validator.check_schema(schema)
            assert schema["type"] == "object"
            assert "http" not in json.dumps(schema)


@pytest.mark.parametrize(
    ("tool", "arguments", "value"),
    [
        ("measure", {"text": "four", "scale": 2}, {"length": 8.0, "lower": 0}),
        ("measure", {"text": "", "case": "upper", "weights": [1, 2]}, {"length": 0.0, "upper": 3}),
        ("forget", {"name": "it"}, None),
        ("words", {"count": 3}, ["word 0", "word 1", "word 2"]),
        ("words", {"count": 0}, []),
        ("found", {"text": "ab"}, [{"text": "a", "at": 0}, {"text": "b", "at": 1}]),
        ("anything", {"value": {"a": [1, None, "b"]}}, [{"a": [1, None, "b"]}, True]),
        ("many", {"values": [1, 2], "x": "a", "y": "b"}, [[1, 2], {"x": "a", "y": "b"}]),
        ("bounded", {"rank": 2, "name": "ab"}, "abab"),
        ("numbers", {}, ["NaN", "Infinity", "-Infinity", 0.5]),
        ("losses", {}, {"train": "NaN", "valid": 1.5}),
        ("same", {"value": "NaN"}, "NaN"),
        ("same", {"value": "-Infinity"}, "-Infinity"),
        ("big", {}, 2**70),
        ("total", {"node": {"name": "a", "score": 1, "children": [{"name": "b", "score": 2}]}}, 3),
        (
            "tree",
            {"depth": 1},
            {
                "name": "1",
                "score": 0.5,
                "children": [{"name": "0", "score": 0.0, "children": []}],
            },
        ),
    ],
)
def test_calls_give_what_the_functions_give(
    server: Talk, tool: str, arguments: dict[str, Any], value: Any
) -> None:
    # The client holds what comes back against the tool's output schema.
    assert server.value(tool, **arguments) == value


def test_what_is_not_finite_is_that_for_a_client_that_knows_the_schema(server: Talk) -> None:
    result = server.call("same", value="NaN")

    assert math.isnan(float(result.data))
    assert text_of(result) == "NaN"


def test_a_text_is_given_as_it_is_and_all_else_as_json(server: Talk) -> None:
    assert text_of(server.call("bounded", rank=1, name="ab")) == "ab"
    assert json.loads(text_of(server.call("losses"))) == {"train": "NaN", "valid": 1.5}
    assert text_of(server.call("forget", name="it")) == "done"


def test_half_a_surrogate_pair_breaks_nothing(server: Talk) -> None:
    assert server.value("letters") == "lone ?, whole \U0001f600, nul \0"


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("measure", {}, "text is missing"),
        ("measure", {"txt": "a"}, "there is no 'txt'; did you mean 'text'? (there are: text,"),
        ("measure", {"text": 1}, "text must be a string, not 1"),
        ("measure", {"text": "a", "weights": [1, "b"]}, 'weights[1] must be a number, not "b"'),
        (
            "measure",
            {"text": "a", "case": "odd"},
            'case must be one of "lower", "upper", not "odd"',
        ),
        ("total", {"node": {"name": "a", "children": [{}]}}, "node.children[0].name is missing"),
        ("many", {"values": [1.5]}, "values[0] must be an integer, not 1.5"),
        ("bounded", {"rank": 4, "name": "a"}, "rank: 4 is greater than the maximum of 3"),
        ("bounded", {"rank": 1, "name": "long enough"}, "name: 'long enough' is too long"),
        ("words", {"count": True}, "count must be an integer, not true"),
        ("forget", {"name": None}, "name must be a string, not null"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_in_words(
    server: Talk, tool: str, arguments: dict[str, Any], told: str
) -> None:
    error = server.error(tool, **arguments)

    assert error.startswith(f"{tool}: ")
    assert told in error
    assert "It did not run" in error


def test_a_pattern_is_checked_where_no_text_takes_it_for_ever(server: Talk) -> None:
    properties = server.tools()["matching"].input_schema["properties"]
    assert (properties["text"]["pattern"], properties["half"]["multipleOf"]) == ("^(a+)+$", 0.5)

    for arguments in ({"text": "a" * 60 + "!"}, {"text": "a", "half": 0.3}):
        error = server.error("matching", **arguments)
        assert "ArgumentError" in error
        assert list(arguments)[-1] in error
    assert server.value("matching", text="a" * 60) == "a" * 60 + "!"


def test_large_arguments_are_not_repeated(server: Talk) -> None:
    error = server.error("measure", text=["x" * 100_000])

    assert len(error) < 500


def test_an_exception_tells_the_user_s_own_lines(server: Talk) -> None:
    result = server.call("broken", text="cat")
    error = text_of(result)

    assert result.is_error
    assert "ValueError: no cat here" in error
    assert 'raise ValueError(f"no {text} here")' in error
    assert "in helper" in error
    assert "seer_runtime" not in error
    assert "Call: " in error
    assert result.meta is not None
    details = result.meta["seer-rpc/error"]
    assert (details["type"], details["message"]) == ("ValueError", "ValueError: no cat here")
    assert details["call_id"] in error


def test_a_function_that_leaves_is_an_error(server: Talk) -> None:
    assert "RemoteExit" in server.error("leave")


def test_a_result_of_another_type_reaches_the_model_with_a_note(server: Talk) -> None:
    result = server.call("wrong")

    assert text_of(result) == "no number"
    assert result.structured_content is not None
    assert result.structured_content["shown"] == "no number"
    assert "something else" in result.structured_content["note"]


def test_a_tool_that_is_not_there_is_an_error(server: Talk) -> None:
    assert "nothing_such" in server.error("nothing_such")


def test_the_server_tells_what_it_is_about(server: Talk) -> None:
    assert "Measure texts." in (server.client.instructions or "")
