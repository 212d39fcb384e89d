"""Outlines: each name's line of Python, and what is said of the difference between two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType, ModuleType

from seer_rpc.errors import SchemaChangedError
from seer_runtime.exceptions import find_exceptions
from seer_runtime.schema import Signature, build_schema
from seer_runtime.wire.differences import differences
from seer_runtime.wire.outline import contract_hash, outline
from seer_runtime.wire.pb.interface_pb2 import (
    ExceptionType,
    Function,
    InterfaceSchema,
    NamedType,
    Type,
)
from seer_runtime.wire.records import TypeNames

SOURCE = """
    from __future__ import annotations
    import enum
    from dataclasses import dataclass, field
    from typing import Literal, NamedTuple, NotRequired, TypedDict
    import numpy as np
    import torch
    from typing_extensions import TypeAliasType

    class Color(enum.Enum):
        RED = 1
        BLUE = "blue"

    @dataclass(frozen=True)
    class Point:
        x: int
        y: float = float("inf")
        norm: float = field(init=False, default=0.0)

    class Options(TypedDict):
        depth: int
        seed: NotRequired[int]

    Odd = TypedDict("Odd", {"a-b": int, "c: int, d": NotRequired[str], "from": str})

    class Span(NamedTuple):
        start: int
        end: int = -1

    Json = TypeAliasType("Json", "dict[str, Json] | list[Json] | None")

    class EmptyError(ValueError): ...

    def f(a, /, b: list, *args: Point, c: Literal["x", 1] = "x", **rest: Options) -> Json: ...
    def g(c: Color = Color.RED, d: np.ndarray[tuple[int, int], np.dtype[np.float32]] = None): ...
    def h(s: Span | None, e: torch.Tensor, o: Odd) -> dict: yield {}
"""


def test_each_name_has_its_line(
    define: Callable[..., ModuleType],
    functions_of: Callable[[ModuleType], Mapping[str, FunctionType]],
) -> None:
    module = define(SOURCE)
    signatures = {name: Signature(each) for name, each in functions_of(module).items()}

    schema = build_schema("tools", "", signatures, TypeNames(), find_exceptions([module]))

    assert outline(schema) == {
        "function f": "f(a: Any, /, b: list[Any], *args: Point, "
        "c: Literal['x', 1] = 'x', **rest: Options) -> Json",
        "function g": "g(c: Color = Color.RED, d: numpy.ndarray[float32, (int, int)] = None)"
        " -> Any",
        "function h": "h(s: Span | None, e: torch.Tensor, o: Odd) -> Iterator[Any]",
        "type Color": "Enum Color(RED = 1, BLUE = 'blue')",
        "type Json": "type Json = dict[str, Json] | list[Json] | None",
        "type Odd": "TypedDict Odd('a-b': int, 'c: int, d'?: str, from: str)",
        "type Options": "TypedDict Options(depth: int, seed?: int)",
        "type Point": "frozen dataclass Point(x: int, y: float = float('inf'), "
        "norm: float = 0.0 (computed))",
        "type Span": "NamedTuple Span(start: int, end: int = -1)",
        "exception EmptyError": "exception EmptyError(ValueError) from an_interface.EmptyError",
    }


def schema_of(*parts: Function | NamedType | ExceptionType) -> InterfaceSchema:
    return InterfaceSchema(
        name="tools",
        functions=[each for each in parts if isinstance(each, Function)],
        types=[each for each in parts if isinstance(each, NamedType)],
        exceptions=[each for each in parts if isinstance(each, ExceptionType)],
    )


SAME: list[Function | NamedType | ExceptionType] = [
    Function(name="Same", result=Type(name="int")),
    NamedType(name="Same", kind=NamedType.NAMED_TUPLE),
    ExceptionType(name="Same", qualified_name="tools.Same"),
]


def test_things_of_one_name_have_a_line_each() -> None:
    assert outline(schema_of(*SAME)) == {
        "function Same": "Same() -> int",
        "type Same": "NamedTuple Same()",
        "exception Same": "exception Same() from tools.Same",
    }


def test_each_of_them_counts_for_the_hash() -> None:
    twice = Function(name="Same", result=Type(name="str"))
    parts = [[*SAME, twice], SAME, SAME[:2], SAME[1:], SAME[::2], *([each] for each in SAME)]

    assert len({contract_hash(schema_of(*each)) for each in parts}) == len(parts)


def test_a_function_that_became_a_type_is_gone_and_the_type_new() -> None:
    before, after = (outline(schema_of(each)) for each in SAME[:2])

    assert differences(before, after) == ["gone: Same() -> int", "new: NamedTuple Same()"]


def test_what_is_gone_changed_and_new_is_said() -> None:
    before = {"a": "a() -> int", "b": "b() -> int", "c": "c() -> int"}
    after = {"z": "z() -> str", "d": "d() -> str", "c": "c() -> int", "b": "b(x: int) -> int"}

    assert differences(before, after) == [
        "gone: a() -> int",
        "changed: b() -> int\n    now: b(x: int) -> int",
        "new: d() -> str",
        "new: z() -> str",
    ]


def test_an_error_says_once_what_changed() -> None:
    error = SchemaChangedError("It changed.")
    error.outline = {"b": "b() -> int"}

    for _ in range(2):
        error.compare({"a": "a() -> int"})

    assert str(error) == "It changed.\ngone: a() -> int\nnew: b() -> int"
