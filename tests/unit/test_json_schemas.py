"""JSON Schema: what is written fits it, what fits it can be read, and strict clients take it."""

from __future__ import annotations

import collections.abc
import datetime as dt
import enum
import json
import math
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, Literal, NamedTuple, TypedDict
from uuid import UUID

import annotated_types
import numpy as np
import numpy.typing as npt
import pydantic
import pytest
import torch
import typing_extensions
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Float, Int64
from jsonschema import Draft202012Validator

from seer_rpc.client.references import make_reference
from seer_rpc.presentation import to_json
from seer_runtime.arguments import ArgumentsError
from seer_runtime.json_schemas import output_schema
from seer_runtime.references import Ref, References, TensorRef
from seer_runtime.schema import Signature, build_schema
from seer_runtime.wire.codec import Codec
from seer_runtime.wire.records import TypeNames


class Color(enum.Enum):
    """The colours."""

    RED = 1
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mode(enum.StrEnum):
    FAST = "fast"


class Access(enum.IntFlag):
    READ = 1
    WRITE = 2


class Corner(enum.Enum):
    """Members whose values JSON has no word for, or another one."""

    ORIGIN = (0, 0)
    FAR = (1, 2)
    LIST = [1]  # noqa: RUF012
    NOTHING = None
    RAW = b"\xff"


class Same(enum.Enum):
    """Members of which two have the same word."""

    A = "B"
    B = object()


@dataclass
class Point:
    """A point.

    Attributes:
        x: To the right.
    """

    x: float
    y: float = math.inf
    tags: set[str] = field(default_factory=set)


@dataclass
class Result:
    points: list[Point]
    grads: torch.Tensor
    arr: np.ndarray | None = None
    total: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.total = len(self.points)


@dataclass(frozen=True)
class Node:
    value: int
    children: tuple[Node, ...] = ()


class Span(NamedTuple):
    start: int
    end: int = -1


class Tree(TypedDict, total=False):
    name: typing_extensions.Required[str]
    children: list[Tree]
    span: Span


Headers = TypedDict("Headers", {"content-type": str, "in": typing_extensions.NotRequired[int]})


class Settings(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)

    size: int = pydantic.Field(ge=0, alias="theSize", description="How large.")
    data: bytes = b""
    weights: torch.Tensor | None = None
    nested: list[Settings] = []


class Names(pydantic.RootModel[list[str]]):
    pass


Json = typing_extensions.TypeAliasType(
    "Json", "dict[str, Json] | list[Json] | str | float | bool | None"
)

ZERO = dt.datetime(2024, 1, 2, 3, 4, tzinfo=dt.UTC)
ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)

TABLE: list[tuple[Any, list[Any]]] = [
    (int, [0, -1, 2**70]),
    (float, [0.5, math.nan, math.inf, -math.inf, np.float64(2.5)]),
    (Annotated[float, pydantic.Field(ge=0)], [0.0, math.inf]),
    *((bool, [True]), (str, ["", "日本", "\x00"]), (None, [None]), (bytes, [b"", b"\xff\x00>?"])),
    (complex, [1 + 2j, complex(math.nan, 0)]),
    *((Decimal, [Decimal("1.50"), Decimal("NaN")]), (UUID, [UUID(int=7)]), (Path, [Path("/a/b")])),
    *((dt.datetime, [ZERO, ZERO.replace(tzinfo=None)]), (dt.date, [dt.date(2020, 1, 1)])),
    *((dt.time, [dt.time(1, 2, 3)]), (dt.timedelta, [dt.timedelta(days=-1), dt.timedelta(0)])),
    *((list, [[], [1, "a", [None]]]), (list[int], [[1, 2]]), (dict, [{}, {1: {2}}])),
    (dict[int, list[float]], [{1: [math.nan]}, {}]),
    (dict[Color, int], [{Color.RED: 1, Color.BLUE: 2}]),
    (dict[tuple[int, int], str], [{(1, 2): "a"}]),
    (set[int], [{1, 2}, set()]),
    (frozenset[str], [frozenset({"a"})]),
    *((tuple[int, str], [(1, "a")]), (tuple[int, ...], [(), (1, 2, 3)]), (tuple[()], [()])),
    *((tuple, [(1, "a")]), (int | None, [1, None]), (int | str | None, [1, "a", None])),
    (Literal["a", 1, True, None], ["a", 1, True, None]),
    (Literal["only"], ["only"]),
    (Literal[Color.RED, "x"], [Color.RED, "x"]),
    *((Color, [*Color]), (Level, [*Level]), (Mode, [*Mode]), (Corner, [*Corner])),
    (Access, [Access.READ, Access.READ | Access.WRITE, Access(0)]),
    (Point, [Point(1.0), Point(math.nan, 2.0, {"a"})]),
    (Result, [Result([Point(0.0)], torch.ones(2)), Result([], torch.ones(0), ARRAY)]),
    (Node, [Node(1), Node(1, (Node(2), Node(3)))]),
    *((Span, [Span(1), Span(1, 2)]), (list[Span | None], [[Span(1), None]])),
    (Tree, [{"name": "a"}, {"name": "a", "children": [{"name": "b"}], "span": Span(1)}]),
    (Headers, [{"content-type": "a"}, {"content-type": "a", "in": 1}]),
    (Settings, [Settings(theSize=1, data=b"\xff", nested=[Settings(theSize=2)])]),
    (Settings, [Settings(theSize=1, weights=torch.ones(2))]),
    (Names, [Names(["a"])]),
    (Json, [None, 1.5, math.inf, {"a": [True, {"b": None}]}]),
    (pydantic.JsonValue, [None, 1, {"a": [True, {"b": None}]}]),
    *(
        (torch.Tensor, [torch.ones(2, 3)]),
        (np.ndarray, [ARRAY]),
        (npt.NDArray[np.float32], [ARRAY]),
    ),
    (np.ndarray | None, [ARRAY, None]),
    (dict[str, list[torch.Tensor]], [{"a": [torch.ones(1)]}]),
    (Float[torch.Tensor, "batch seq"], [torch.ones(2, 3)]),
    (collections.abc.Sequence[int], [[1], (1, 2)]),
    (collections.abc.Mapping[str, int], [{"a": 1}]),
    (collections.abc.Iterable[int], [[1]]),
    (collections.abc.Collection[int], [[1]]),
    (range, [range(3)]),
    *((Any, [1, {"a": {1}}, ARRAY]), (object, ["x"])),
]
FLAT = [(hint, value) for hint, values in TABLE for value in values]


def summary(array: Any) -> dict[str, Any]:
    return {"dtype": str(array.dtype), "shape": list(array.shape), "mean": 1.0, "file": "x.npy"}


def written(value: Any, *, classes: bool) -> Any:
    """Give what a client writes for a value that came to it, which may lack its classes."""
    types = TypeNames()
    body, segments = Codec(types).encode(value)
    memory = [bytearray(each) for each in segments]
    arrived = Codec(types if classes else None).decode(bytes(body), memory)
    return json.loads(json.dumps(to_json(arrived, summary), allow_nan=False))


def check(schema: dict[str, Any], value: Any) -> None:
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(value)


@pytest.mark.parametrize("classes", [True, False])
@pytest.mark.parametrize(("hint", "value"), FLAT, ids=lambda each: repr(each)[:30])
def test_what_is_written_fits_the_output_schema(hint: Any, value: Any, classes: bool) -> None:
    check(output_schema(hint), written(value, classes=classes))


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (dict[int | str, int], {1: 1, "1": 2}),
        (dict[float, int], {math.nan: 1, float("nan"): 2, math.inf: 3}),
        (dict[Same, int], {Same.A: 1, Same.B: 2}),
        (dict[Decimal, int], {Decimal("NaN"): 1, Decimal("nan"): 2}),
        (dict[Any, int], {1: 1, "1": 2, None: 3, "None": 4}),
        (dict, {(1,): 1, "[1]": 2}),
    ],
)
def test_dictionaries_whose_keys_are_one_text_fit_it_with_all_of_their_entries(
    hint: Any, value: Any
) -> None:
    plain = written(value, classes=True)

    check(output_schema(hint), plain)
    assert list(plain.values()) == list(value.values())


SCALARS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, st.integers()),
    (float, st.floats()),
    (str, st.text()),
    (bytes, st.binary()),
    (bool, st.booleans()),
    (Color, st.sampled_from(Color)),
    (dt.timedelta, st.timedeltas()),
    (dt.datetime, st.datetimes(timezones=st.just(dt.UTC))),
    (Decimal, st.decimals()),
    (Span, st.builds(Span, st.integers(), st.integers())),
    (Point, st.builds(Point, st.floats(), st.floats())),
]


Pair: typing.TypeAlias = tuple[Any, st.SearchStrategy[Any]]


def composed(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    """Give a hint made of others, with the strategy for its values."""
    return st.one_of(
        inner.map(lambda pair: (GenericAlias(list, pair[0]), st.lists(pair[1], max_size=3))),
        inner.map(lambda pair: (pair[0] | None, st.none() | pair[1])),
        inner.map(lambda pair: (GenericAlias(dict, (int, pair[0])), by_number(pair[1]))),
        st.tuples(inner, inner).map(lambda pairs: (product(*pairs), choose_both(*pairs))),
        st.tuples(inner, inner).map(lambda pairs: (pairs[0][0] | pairs[1][0], either(*pairs))),
    )


def by_number(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.integers(), values, max_size=2)


def product(one: Pair, other: Pair) -> Any:
    return GenericAlias(tuple, (one[0], other[0]))


def choose_both(one: Pair, other: Pair) -> st.SearchStrategy[Any]:
    return st.tuples(one[1], other[1])


def either(one: Pair, other: Pair) -> st.SearchStrategy[Any]:
    return one[1] | other[1]


HINTS_AND_VALUES = st.recursive(st.sampled_from(SCALARS), composed, max_leaves=5).flatmap(
    lambda pair: st.tuples(st.just(pair[0]), pair[1])
)


@settings(max_examples=150)
@given(HINTS_AND_VALUES)
def test_whatever_is_composed_of_these_fits_its_output_schema(pair: tuple[Any, Any]) -> None:
    hint, value = pair

    check(output_schema(hint), written(value, classes=False))


# Reading ------------------------------------------------------------------------------------


def signature_of(hint: Any, default: Any = ...) -> Signature:
    def f(value: Any) -> None: ...

    f.__annotations__["value"] = hint
    if default is not ...:
        f.__defaults__ = (default,)
    return Signature(f)


def input_schema(signature: Signature) -> dict[str, Any]:
    (function,) = build_schema("tools", "", {"f": signature}, TypeNames()).functions
    schema: dict[str, Any] = json.loads(function.input_schema)
    Draft202012Validator.check_schema(schema)
    return schema


def no_references(handle: list[int]) -> Any:
    return References().resolve(handle)


def read(signature: Signature, given: Any) -> Any:
    (value,), _ = signature.from_json.read(json.dumps({"value": given}), no_references)
    return value


def same(one: Any, other: Any) -> bool:
    # By their words: NaN is not equal to itself, and 1 is equal to True.
    return type(one) is type(other) and repr(one) == repr(other)


# What is told of an array is not the array, and of a hint that takes anything, JSON says less.
NOT_READ = (
    "Tensor",
    "ndarray",
    "Any",
    "object",
    "range",
    "JsonValue",
    "Settings",
    "Result",
    "Names",
)
READ = [
    (hint, value)
    for hint, value in FLAT
    if not any(name in str(hint) for name in NOT_READ)
    and hint not in (list, dict, tuple, dict[tuple[int, int], str])
    and not isinstance(value, np.generic)
    and "NaN" not in repr(value)
    and (hint, value) != (Json, math.inf)
]


@pytest.mark.parametrize(("hint", "value"), READ, ids=lambda each: repr(each)[:30])
def test_what_was_written_fits_the_input_schema_and_is_read_as_it_was(
    hint: Any, value: Any
) -> None:
    signature = signature_of(hint)
    given = written(value, classes=True)

    check(input_schema(signature), {"value": given})

    found = read(signature, given)
    if typing.get_origin(hint) in (collections.abc.Sequence, collections.abc.Collection):
        found, value = list(found), list(value)
    assert same(found, value)


def test_aliases_of_a_model_are_read_and_its_names_are_written() -> None:
    signature = signature_of(Settings)
    given = {"theSize": 3, "data": "/w==", "nested": [{"theSize": 4}], "weights": [1, 2]}

    check(input_schema(signature), {"value": given})
    found = read(signature, given)

    assert (found.size, found.data, found.nested[0].size) == (3, b"\xff", 4)
    assert torch.equal(found.weights, torch.tensor([1, 2]))


@pytest.mark.parametrize(
    ("hint", "given", "expected"),
    [
        (torch.Tensor, [[1.5, "NaN"]], torch.tensor([[1.5, math.nan]])),
        (torch.Tensor, 2, torch.tensor(2)),
        (torch.Tensor | None, [1], torch.tensor([1])),
        (Float[torch.Tensor, "n"], [1, 2], torch.tensor([1.0, 2.0])),
        (np.ndarray, [[1, 2]], np.array([[1, 2]])),
        (np.ndarray | None, [True], np.array([True])),
        (npt.NDArray[np.float16], [1, "-Infinity"], np.array([1, -math.inf], np.float16)),
    ],
)
def test_arrays_are_read_from_nested_numbers(hint: Any, given: Any, expected: Any) -> None:
    signature = signature_of(hint)

    check(input_schema(signature), {"value": given})
    found = read(signature, given)

    assert (type(found), found.dtype, found.shape) == (
        type(expected),
        expected.dtype,
        expected.shape,
    )
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


def test_arrays_are_read_inside_of_classes() -> None:
    signature = signature_of(list[Result])

    (found,) = read(signature, [{"points": [{"x": 1}], "grads": [1.0], "arr": [[2]]}])

    assert (type(found), found.points, found.total) == (Result, [Point(1.0)], 1)
    assert (found.grads.tolist(), found.arr.tolist()) == ([1.0], [[2]])


@pytest.mark.parametrize(
    ("hint", "given", "problem"),
    [
        (torch.Tensor, "text", "not an array of numbers"),
        (torch.Tensor, [[1], [1, 2]], "not an array of numbers"),
        (np.ndarray, ["a"], "not an array of numbers"),
        (Float[torch.Tensor, "a b"], [1.0], "no Float.*shape"),
        (torch.Tensor, {"reference": 7}, "the reference is not valid here"),
        (Signature, 1, "expected .*reference"),
        (Annotated[int, pydantic.Field(ge=0)], -1, "greater than or equal to 0"),
        (Annotated[int, annotated_types.Lt(3)], 3, "less than 3"),
        (Color, 2, 'Input should be 1 or "blue"'),
        (Literal[Color.RED], "red", "Input should be 1"),
        (Point, {"x": 1, "z": 2}, "z"),
        (Tree, {"children": []}, "name"),
        (Headers, {"in": 1}, "content-type"),
    ],
)
def test_what_does_not_fit_is_refused(hint: Any, given: Any, problem: str) -> None:
    with pytest.raises(ArgumentsError, match=problem):
        read(signature_of(hint), given)


@pytest.mark.parametrize("hint", [torch.Tensor, np.ndarray | None, Ref, TensorRef, Signature])
def test_a_reference_is_read_as_the_value_that_it_stands_for(hint: Any) -> None:
    signature, value = signature_of(hint), object()
    references = References()
    handle = references.refer(Ref(value))
    assert handle is not None
    given = {"value": {"reference": handle.number}}

    check(input_schema(signature), given)
    (found,), _ = signature.from_json.read(json.dumps(given), references.resolve)

    assert found is value


@pytest.mark.parametrize("value", [Ref([1]), TensorRef(torch.ones(2, 3))])
def test_a_handle_is_written_with_its_number(value: Ref) -> None:
    handle = References().refer(value)
    assert handle is not None

    class Owner:
        def free(self, number: int) -> None:
            pass

    owner: Any = Owner()
    shown = to_json(make_reference(owner, list(handle)), summary)

    assert shown["reference"] == handle.number
    check(output_schema(type(value)), shown)


# What strict clients and models want ---------------------------------------------------------


def parts(schema: Any) -> list[dict[str, Any]]:
    """Give a schema and every schema in it."""
    assert isinstance(schema, dict), f"{schema!r} is no object"
    found = [schema]
    for key in ("items", "additionalProperties", "propertyNames"):
        if key in schema and schema[key] is not False:
            found += parts(schema[key])
    for key in ("anyOf", "allOf", "prefixItems"):
        found += [part for each in schema.get(key, []) for part in parts(each)]
    for key in ("properties", "$defs"):
        found += [part for each in schema.get(key, {}).values() for part in parts(each)]
    return found


ODD = [Callable[[int], str], type[int], Signature, collections.abc.Iterator[int], torch.dtype]


@pytest.mark.parametrize("hint", [*(hint for hint, _ in TABLE), *ODD], ids=lambda h: str(h)[:30])
def test_schemas_hold_nothing_that_strict_clients_refuse(hint: Any) -> None:
    for schema in (output_schema(hint), input_schema(signature_of(hint))):
        Draft202012Validator.check_schema(schema)
        json.dumps(schema, allow_nan=False)
        for part in parts(schema):
            assert part, "a part that says nothing"
            assert "title" not in part
            assert "oneOf" not in part
            assert not isinstance(part.get("type"), list)
            assert part.keys() != {"description"} or part["description"]
        assert list(schema.get("$defs", {})) == sorted(schema.get("$defs", {}))


OWN = "a default of its own."
LIMITS = object()


def property_of(hint: Any, default: Any = ...) -> dict[str, Any]:
    schema: dict[str, Any] = input_schema(signature_of(hint, default))["properties"]["value"]
    return schema


@pytest.mark.parametrize(
    ("hint", "default", "expected"),
    [
        (int, 3, 3),
        (float, math.nan, "NaN"),
        (float, -math.inf, "-Infinity"),
        (str | None, None, None),
        (list[int], [1, 2], [1, 2]),
        (Color, Color.BLUE, "blue"),
        (bytes, b"\xff", "/w=="),
        (set[str], {"b", "a", "c"}, ["a", "b", "c"]),
        (tuple[int, ...], (1, 2), [1, 2]),
    ],
)
def test_a_default_that_json_can_say_is_said(hint: Any, default: Any, expected: Any) -> None:
    described = property_of(hint, default)

    assert described["default"] == expected
    check(input_schema(signature_of(hint, default)), {"value": described["default"]})


def precise(x: float, dtype=torch.float16, where=Path("/tmp"), z=LIMITS) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Do it.

    Args:
        dtype: How precise
    """


def test_a_default_that_it_cannot_say_is_described_by_its_source() -> None:
    properties = input_schema(Signature(precise))["properties"]

    assert [each for each in properties.values() if "default" in each] == []
    assert [properties[name]["description"] for name in ("dtype", "where", "z")] == [
        "How precise. Where it is left out, the function takes `torch.float16`.",
        "Where it is left out, the function takes `Path('/tmp')`.",
        "Where it is left out, the function takes `LIMITS`.",
    ]


@pytest.mark.parametrize(
    "default",
    [2**53 + 1, 10**400, "\ud800", {1: "a", "1": "b"}],
    ids=["odd", "large", "half", "one text"],
)
def test_a_default_that_is_not_the_same_to_every_client_is_told_in_words(default: Any) -> None:
    described = property_of(type(default), default)

    assert "default" not in described
    assert "Where it is left out, the function takes `" in described["description"]
    assert len(described["description"]) < 200
    assert "default" in property_of(int, 2**53)


def test_a_default_whose_source_is_nowhere_is_described_all_the_same() -> None:
    described = property_of(Any, object())

    assert described["description"] == "Where it is left out, the function takes " + OWN


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (float, ["NaN", "Infinity", "-Infinity"]),
        (Annotated[float, pydantic.Field(ge=0)], ["Infinity"]),
        (Annotated[float, annotated_types.Lt(0)], ["-Infinity"]),
    ],
)
def test_texts_stand_for_the_numbers_that_are_allowed(hint: Any, words: list[str]) -> None:
    signature = signature_of(hint)
    number, text = property_of(hint)["anyOf"]

    assert (number["type"], text["enum"]) == ("number", words)
    for word in words:
        assert type(read(signature, word)) is float
    for word in {"NaN", "Infinity", "-Infinity"} - set(words):
        with pytest.raises(ArgumentsError):
            read(signature, word)


def test_numbers_between_bounds_have_no_texts() -> None:
    assert property_of(Annotated[float, pydantic.Field(ge=0, le=1)]) == {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
    }


@pytest.mark.parametrize(
    "limit", [10**400, 10**5000, math.nan, math.inf], ids=["large", "very large", "nan", "inf"]
)
@pytest.mark.parametrize("kind", [int, float, Decimal])
def test_limits_that_clients_know_no_number_for_are_not_told(kind: Any, limit: float) -> None:
    hint = Annotated[kind, pydantic.Field(ge=-limit, gt=0, le=limit)]
    text = json.dumps([property_of(hint), output_schema(hint)], allow_nan=False)

    assert "imum" not in text.replace('"exclusiveMinimum": 0', "")
    assert "000" not in text


def test_fields_are_described_as_their_class_does() -> None:
    schema = input_schema(signature_of(Point | Settings))["$defs"]

    assert schema["Point"]["description"] == "A point."
    assert schema["Point"]["properties"]["x"]["description"] == "To the right."
    assert schema["Settings"]["properties"]["theSize"]["description"] == "How large."


def test_what_stands_beside_a_hint_is_said_before_what_the_docstring_says() -> None:
    def f(a: Annotated[int, pydantic.Field(description="Beside.", ge=0)], b: Point) -> None:
        """Do it.

        Args:
            a: Docstring.
            b: Where.
        """

    f.__annotations__ |= {
        "a": Annotated[int, pydantic.Field(description="Beside.", ge=0)],
        "b": Point,
    }
    properties = input_schema(Signature(f))["properties"]

    assert properties["a"] == {"type": "integer", "description": "Beside.", "minimum": 0}
    assert properties["b"] == {"$ref": "#/$defs/Point", "description": "Where."}


def test_properties_stand_as_the_parameters_do() -> None:
    def f(zeta: int, alpha: str = "", *more: int, last: bool = False, **others: float) -> None: ...

    f.__annotations__ = {"zeta": int, "alpha": str, "more": int, "last": bool, "others": float}
    schema = input_schema(Signature(f))

    assert list(schema["properties"]) == ["zeta", "alpha", "more", "last"]
    assert schema["required"] == ["zeta"]
    assert schema["properties"]["more"] == {"type": "array", "items": {"type": "integer"}}
    assert schema["additionalProperties"]["anyOf"][0] == {"type": "number"}


def test_arguments_of_every_kind_are_read() -> None:
    def f(a: int, /, b: str = "", *more: int, last: bool = False, **others: float) -> None: ...

    f.__annotations__ = {"a": int, "b": str, "more": int, "last": bool, "others": float}
    text = json.dumps({"a": 1, "b": "x", "more": [2, 3], "last": True, "z": "NaN", "y": 2})

    args, kwargs = Signature(f).from_json.read(text, no_references)

    assert args == [1, "x", 2, 3]
    assert math.isnan(kwargs.pop("z"))
    assert kwargs == {"last": True, "y": 2.0}


@dataclass
class Doubled:
    given: int
    made: int = field(init=False)

    def __post_init__(self) -> None:
        self.made = 2 * self.given


def test_what_a_class_sets_by_itself_is_written_and_not_read() -> None:
    check(output_schema(Doubled), written(Doubled(2), classes=False))
    schema = input_schema(signature_of(Doubled))

    (doubled,) = schema["$defs"].values()
    assert list(doubled["properties"]) == ["given"]


class Spot(NamedTuple):
    x: float
    y: float = 0.5


@pytest.mark.parametrize("plain", [[1.0], [1.0, 0.5], {"x": 1.0}])
def test_a_named_tuple_is_read_by_its_names_or_its_places(plain: Any) -> None:
    signature = signature_of(Spot)

    check(input_schema(signature), {"value": plain})
    assert read(signature, plain) == Spot(1.0, 0.5)


def test_what_a_set_is_given_twice_is_no_mistake() -> None:
    signature = signature_of(set[int])

    check(input_schema(signature), {"value": [1, 1]})
    assert read(signature, [1, 1]) == {1}


@pytest.mark.parametrize(
    ("hint", "given"),
    [
        (npt.NDArray[np.uint8], [300]),
        (npt.NDArray[np.uint8], [-1]),
        (npt.NDArray[np.int64], [1.5]),
        (npt.NDArray[np.int64], ["NaN"]),
        (Int64[torch.Tensor, "n"], [1.5]),
    ],
)
def test_numbers_are_not_changed_to_fit_into_an_array(hint: Any, given: Any) -> None:
    with pytest.raises(ArgumentsError, match="not fit"):
        read(signature_of(hint), given)


def test_whole_numbers_may_be_written_with_a_point() -> None:
    assert read(signature_of(npt.NDArray[np.uint8]), [1.0]).tolist() == [1]
    assert read(signature_of(Int64[torch.Tensor, "n"]), [1.0]).tolist() == [1]


def test_arguments_that_are_nested_too_deeply_are_refused() -> None:
    depth = 100_000
    text = '{"value": ' + "[" * depth + "]" * depth + "}"
    with pytest.raises(ArgumentsError, match="too deeply"):
        signature_of(Any).from_json.read(text, no_references)


def test_nothing_is_among_the_choices_where_others_have_words_of_their_own() -> None:
    assert read(signature_of(Literal[None, b"raw"]), None) is None


def test_no_argument_by_name_is_lost() -> None:
    def f(**others: int) -> None: ...

    given = {"others by name": 1, "b": 2}
    assert Signature(f).from_json.read(json.dumps(given), no_references) == ([], given)
