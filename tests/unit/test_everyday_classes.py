"""Classes as people write them: described by their fields, and carried there and back."""

from __future__ import annotations

import collections
import copy
import dataclasses
import enum
import pickle
from typing import Any, ClassVar, NamedTuple, Required, TypedDict

import numpy as np
import pydantic
import pytest

from seer_runtime.arguments import ArgumentChecker, ArgumentsError
from seer_runtime.hints import TypeDescriber
from seer_runtime.schema import Signature
from seer_runtime.wire.codec import Codec
from seer_runtime.wire.errors import EncodeError
from seer_runtime.wire.pb.interface_pb2 import NamedType
from seer_runtime.wire.records import Record, TypeNames

Old = collections.namedtuple("Old", "x y")


@dataclasses.dataclass
class Keyword:
    first: int
    _: dataclasses.KW_ONLY
    second: int = 2


@dataclasses.dataclass
class Classy:
    count: ClassVar = 3
    value: int = 1


class Private(pydantic.BaseModel):
    value: int
    _cache: dict[str, int] = pydantic.PrivateAttr(default_factory=dict)


class Mode(str, enum.Enum):  # noqa: UP042 - as older files have it
    FAST = "fast"


class Point(NamedTuple):
    x: int


class Options(TypedDict, total=False):
    layer: Required[int]
    points: list[Point]
    inner: Options


def described(cls: Any) -> NamedType:
    describer = TypeDescriber(TypeNames())
    describer.describe(cls, "here")
    (named,) = [each for each in describer.named_types if each.name == cls.__name__]
    return named


@pytest.mark.parametrize(
    ("cls", "fields"),
    [
        (Old, ["x", "y"]),
        (Keyword, ["first", "second"]),
        (Classy, ["value"]),
        (Private, ["value"]),
        (Options, ["layer", "points", "inner"]),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_class_is_described_by_its_fields(cls: Any, fields: list[str]) -> None:
    assert [field.name for field in described(cls).fields] == fields


@pytest.mark.parametrize(
    "value", [Old(1, 2), Keyword(1, second=3), Classy(4), Private(value=5), Mode.FAST], ids=repr
)
def test_its_instances_come_back(value: object) -> None:
    codec = Codec(TypeNames())
    encoded = codec.encode(value)

    again = codec.decode(*encoded)

    assert again == value
    assert type(again) is type(value)


def test_an_enum_of_texts_stays_one() -> None:
    assert described(Mode).base == "StrEnum"


def checker(function: Any) -> ArgumentChecker:
    signature = Signature(function)
    return ArgumentChecker(function.__name__, signature.parameters, signature.hints)


def takes_options(options: Options) -> None: ...


def takes_layers(layers: list[int]) -> None: ...


@pytest.mark.parametrize(
    "options",
    [{"layer": 1}, {"layer": 1, "points": [Point(1)]}, {"layer": 1, "inner": {"layer": 2}}],
    ids=repr,
)
def test_a_typed_dictionary_under_the_future_import_fits(options: Any) -> None:
    assert checker(takes_options).bind([options], {}).args[0] is options


@pytest.mark.parametrize("options", [{}, {"layer": "x"}, {"layer": 1, "points": [(1,)]}, 5])
def test_and_what_is_none_does_not(options: Any) -> None:
    with pytest.raises(ArgumentsError):
        checker(takes_options).bind([options], {})


def test_numpy_numbers_in_a_list_are_numbers() -> None:
    layers = list(np.argsort([3, 1, 2]))

    assert checker(takes_layers).bind([layers], {}).args[0] is layers
    with pytest.raises(ArgumentsError, match="got float64"):
        checker(takes_layers).bind([[np.float64(0.5)]], {})


def test_a_masked_array_is_refused_rather_than_unmasked() -> None:
    with pytest.raises(EncodeError, match="mask"):
        Codec().encode(np.ma.array([1.0, 2.0], mask=[False, True]))


def test_a_record_can_be_copied_and_pickled() -> None:
    record = Record("Thing", {"a": [1], "b": (2,)})

    for again in (copy.deepcopy(record), pickle.loads(pickle.dumps(record))):
        assert again == record
        assert repr(again) == "Thing(a=[1], b=(2,))"


@pytest.mark.parametrize("value", [complex("nan"), complex("inf"), 10**5000], ids=lambda _: "odd")
def test_a_number_without_source_is_the_servers_alone(value: object) -> None:
    assert not TypeDescriber(TypeNames()).describe_default(value).is_literal
