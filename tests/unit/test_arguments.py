"""Arguments: what fits the signature passes untouched, anything else is refused with the reason."""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import numpy as np
import numpy.typing as npt
import pydantic
import pytest
import torch

from seer_runtime.arguments import ArgumentChecker, ArgumentsError
from seer_runtime.schema import Signature


class Color(enum.Enum):
    RED = 1


@dataclass
class Point:
    x: int


class Span(NamedTuple):
    start: int


class Options(TypedDict):
    depth: int


class Settings(pydantic.BaseModel):
    size: int


class Odd:
    pass


@dataclass
class Unresolved:
    value: Missing  # type: ignore[name-defined]  # noqa: F821 - as in interface files


def checker(function: Callable[..., Any]) -> ArgumentChecker:
    signature = Signature(function)
    return ArgumentChecker(function.__name__, signature.parameters, signature.hints)


def checker_of(hint: Any) -> ArgumentChecker:
    """Give the checker of a function `f(value: hint)`."""
    parameter = inspect.Parameter("value", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return ArgumentChecker("f", inspect.Signature([parameter]), {"value": hint})


def generate(prompt: str, max_tokens: int = 512, *, temperature: float = 0.7) -> str:
    return prompt * max_tokens * int(temperature)


def collect(first: int, /, *numbers: int, **names: str) -> None:
    pass


@pytest.mark.parametrize(
    ("args", "kwargs", "problem"),
    [
        ([], {"promt": "x"}, "has no parameter 'promt'; did you mean 'prompt'\\?; it is called as"),
        (["x"], {"zzz": 1}, "has no parameter 'zzz'; it is called as"),
        (["x", 1, 0.5], {}, "too many positional arguments"),
        ([], {}, "missing a required argument: 'prompt'"),
        (["x"], {"prompt": "x"}, "multiple values for argument 'prompt'"),
        ([1], {}, "argument 'prompt': Input should be a valid string, got int"),
        (["x", "1"], {}, "argument 'max_tokens': Input should be a valid integer, got str"),
        (["x"], {"max_tokens": 1.0}, "argument 'max_tokens': .* got float"),
        (["x"], {"max_tokens": True}, "argument 'max_tokens': .* got bool"),
        (["x"], {"max_tokens": None}, "argument 'max_tokens': .* got NoneType"),
        (["x"], {"temperature": "hot"}, "argument 'temperature': .* got str"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(
    args: list[Any], kwargs: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ArgumentsError, match=f"^generate.*{problem}") as caught:
        checker(generate).bind(args, kwargs)

    usage = (
        "generate(prompt: 'str', max_tokens: 'int' = 512, *, temperature: 'float' = 0.7) -> 'str'"
    )
    assert str(caught.value).endswith(f"it is called as {usage}")


class Silent:
    def __repr__(self) -> str:
        raise LookupError


@pytest.mark.parametrize(
    ("default", "usage"),
    [
        (1, "f(value: int = 1) -> str"),
        (Silent(), "f(value)"),
        (["x"] * 10_000, f"f(value: int = {str(['x'] * 10_000)[:986]} ..."),
    ],
)
def test_how_a_function_is_called_is_said_in_few_words(default: object, usage: str) -> None:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    bounded = Annotated[int, pydantic.Field(ge=10**5000)]
    parameter = inspect.Parameter("value", kind, default=default, annotation=bounded)
    result = Annotated[str, pydantic.Field(max_length=3)]
    signature = inspect.Signature([parameter], return_annotation=result)

    with pytest.raises(ArgumentsError, match="than or equal to 1000") as caught:
        ArgumentChecker("f", signature, {"value": bounded}).check([3], {})
    assert str(caught.value).endswith(f"; it is called as {usage}")


@pytest.mark.parametrize(
    ("args", "kwargs", "problem"),
    [
        ([], {}, "'first'"),
        ([1, 2, "3"], {}, re.escape("argument 'numbers[1]': ")),
        ([1], {"name": 5}, "argument 'name': "),
        (["1"], {}, "argument 'first': "),
    ],
)
def test_variable_arguments_are_checked_each(
    args: list[Any], kwargs: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ArgumentsError, match=problem):
        checker(collect).bind(args, kwargs)


def test_variable_arguments_that_fit_are_bound() -> None:
    bound = checker(collect).bind([1, 2, 3], {"first": "name", "other": "x"})

    assert bound.args == (1, 2, 3)
    assert bound.kwargs == {"first": "name", "other": "x"}


def test_defaults_are_left_to_the_function() -> None:
    assert checker(generate).bind(["x"], {}).arguments == {"prompt": "x"}


POINT, SETTINGS = Point(1), Settings(size=1)

FITTING: list[tuple[Any, list[object]]] = [
    (Any, [1, Odd()]),
    (None, [None]),
    (int, [1, 2**100]),
    (float, [1.0, 1, float("nan")]),
    (complex, [1j]),
    (str, ["", "x"]),
    (bytes, [b""]),
    (range, [range(3)]),
    (Path, [Path("x")]),
    (list[int], [[], [1, 2]]),
    (tuple[int, ...], [(1, 2)]),
    (set[str], [{"a"}]),
    (dict[str, list[int]], [{"a": [1]}, {}]),
    (Sequence[int], [[1], (1,)]),
    (Iterable[int], [[1], (1,)]),
    (int | None, [1, None]),
    (int | str, [1, "x"]),
    (Literal["a", 1], ["a", 1]),
    (Color, [Color.RED]),
    (Point, [POINT]),
    (list[Point], [[POINT]]),
    (Span, [Span(1)]),
    (Settings, [SETTINGS]),
    (dict[str, Settings], [{"a": SETTINGS}]),
    (Options, [{"depth": 1}, {"depth": 1, "more": 2}]),
    (Odd, [Odd()]),
    (Callable[[], int], [len]),
    (type[int], [int]),
    (torch.Tensor, [torch.ones(2), torch.nn.Parameter(torch.ones(2))]),
    (list[torch.Tensor], [[torch.ones(2)]]),
    (np.ndarray, [np.ones(2)]),
    (npt.NDArray[np.float32], [np.ones(2, "f4")]),
    (np.int64, [np.int64(1)]),
    (np.float32, [np.float32(1)]),
    (Annotated[int, pydantic.Field(ge=0)], [0, 1]),
    (Unresolved, [Unresolved(1)]),
]


@pytest.mark.parametrize(
    ("hint", "value"),
    [(hint, value) for hint, values in FITTING for value in values],
    ids=lambda value: repr(value)[:30],
)
def test_a_value_that_fits_passes_as_the_same_object(hint: Any, value: object) -> None:
    assert checker_of(hint).bind([value], {}).args[0] is value


UNFITTING: list[tuple[Any, object, str]] = [
    (int, np.bool_(True), "'value': .* got bool"),
    (float, True, "'value': .* got bool"),
    (bytes, "x", "'value': .* got str"),
    (Path, "x", "'value': .* got str"),
    (None, 1, "'value': .* got int"),
    (list[int], (1,), "'value': .* got tuple"),
    (list[int], [1, "x"], r"'value'\[1\]: .* got str"),
    (dict[str, list[int]], {"a": [1, None]}, r"'value'\['a'\]\[1\]: .* got NoneType"),
    (dict[str, int], {1: 1}, r"'value'\[1\].*: .* got int"),
    (list[int], ["a", "b", "c"], r"'value'\[0\]: .* got str \(and 2 more\)"),
    (tuple[int, str], (1, 2), r"'value'\[1\]: .* got int"),
    (int | None, "x", "'value': .* got str"),
    (int | str, [], "'value': .* got list"),
    (Literal["a"], "b", "'value': Input should be 'a'"),
    (Color, 1, "'value': .* got int"),
    (Point, {"x": 1}, "'value': .* got dict"),
    (list[Point], [POINT, 5], r"'value'\[1\]: .* got int"),
    (Span, (1,), "'value': .* got tuple"),
    (Settings, {"size": 1}, "'value': .* got dict"),
    (Options, 5, "'value': .* got int"),
    (Options, {"depth": "x"}, r"'value'\['depth'\]: .* got str"),
    (Options, {}, r"'value'\['depth'\]: "),
    (list[Options], [5], r"'value'\[0\]: .* got int"),
    (Odd, 1, "'value': .* got int"),
    (torch.Tensor, np.ones(2), "'value': .* got ndarray"),
    (torch.Tensor, [1.0], "'value': .* got list"),
    (np.ndarray, torch.ones(2), "'value': .* got Tensor"),
    (Annotated[int, pydantic.Field(ge=0)], -1, "'value': .* greater than or equal to 0"),
    (list[Annotated[str, pydantic.Field(max_length=2)]], ["abc"], r"'value'\[0\]: .* at most 2"),
]


@pytest.mark.parametrize(("hint", "value", "problem"), UNFITTING, ids=lambda v: repr(v)[:30])
def test_a_value_that_does_not_fit_is_refused_with_its_place(
    hint: Any, value: object, problem: str
) -> None:
    with pytest.raises(ArgumentsError, match=f"argument {problem}"):
        checker_of(hint).bind([value], {})


@pytest.mark.parametrize(
    ("hint", "value"),
    [(int, np.int64(1)), (int, np.uint8(1)), (float, np.float32(1)), (bool, np.bool_(True))],
    ids=repr,
)
def test_a_numpy_number_is_a_number_and_stays_what_it_is(hint: Any, value: np.generic) -> None:
    assert checker_of(hint).bind([value], {}).args[0] is value
