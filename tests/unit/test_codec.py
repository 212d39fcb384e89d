"""The codec: every value comes back as it was, and hostile bytes are refused."""

from __future__ import annotations

import builtins
import contextlib
import copy
import enum
import math
import pickle
import random
import sys
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field, make_dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypedDict
from uuid import UUID
from zoneinfo import ZoneInfo

import msgpack
import numpy as np
import pydantic
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seer_runtime.wire.arrays import dtype_name
from seer_runtime.wire.codec import Codec
from seer_runtime.wire.errors import DecodeError, EncodeError
from seer_runtime.wire.frames import Frame, Kind, decode_frame, encode_frame
from seer_runtime.wire.records import Member, Record, TypeNames


class Color(enum.Enum):
    RED = 1
    CRIMSON = RED
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2**70


class Mode(enum.StrEnum):
    FAST = "fast"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Bits(enum.IntFlag):
    ONE = 1
    TWO = 2


class Sentinel(enum.Enum):
    MISSING = object()


@dataclass
class Point:
    x: Any
    y: Any = 0


@dataclass(frozen=True)
class Frozen:
    a: int
    b: tuple[int, ...] = ()


@dataclass
class Doubled:
    given: int
    doubled: int = field(init=False)

    def __post_init__(self) -> None:
        self.doubled = self.given * 2


@dataclass(kw_only=True)
class Named:
    first: str
    second: int = 2


@dataclass(slots=True)
class Slotted:
    value: float


@dataclass
class Unfinished:
    value: int = field(init=False)


@dataclass
class Picky:
    problem: str

    def __post_init__(self) -> None:
        raise getattr(builtins, self.problem)("no such Picky")


class Pair(NamedTuple):
    left: Any
    right: Any = None


class Settings(pydantic.BaseModel):
    name: str
    weights: list[float] = []
    extra: Any = None


class Aliased(pydantic.BaseModel):
    size: int = pydantic.Field(alias="Size")


class Rows(pydantic.RootModel[list[int]]):
    pass


class Options(TypedDict, total=False):
    depth: int
    names: list[str]


class Odd:
    """Nothing that could cross."""


TYPES: tuple[Any, ...] = (
    *(Color, Level, Mode, Access, Bits, Sentinel),
    *(Point, Frozen, Doubled, Named, Slotted, Unfinished, Picky),
    *(Pair, Settings, Aliased, Rows, Options),
)


def codec() -> Codec:
    return Codec(TypeNames({cls.__name__: cls for cls in TYPES}))


def send(value: object, receiver: Codec | None = None) -> Any:
    """Carry a value from one side to the other, as a session does."""
    body, segments = codec().encode(value)
    frame = decode_frame(encode_frame(Frame(Kind.RESULT, body=body, segments=segments)))
    return (receiver or codec()).decode(frame.body, frame.segments)


def fingerprint(value: Any) -> Hashable:
    """Give what equal values of equal types share, NaN and -0.0 and the order of keys included."""
    if isinstance(value, set | frozenset):
        return type(value), frozenset(Counter(map(fingerprint, value)).items())
    if isinstance(value, list | tuple):
        return type(value), *map(fingerprint, value)
    if isinstance(value, Point | Settings | Rows):
        value = {type(value): vars(value)}
    if isinstance(value, dict):
        return type(value), *(fingerprint(part) for item in value.items() for part in item)
    return type(value), repr(value)


def assert_crosses(value: object) -> None:
    assert fingerprint(send(value)) == fingerprint(value)


BERLIN = ZoneInfo("Europe/Berlin")

PLAIN: list[object] = [
    *(None, True, False),
    *(
        0,
        -1,
        2**31,
        2**63 - 1,
        2**63,
        2**64 - 1,
        2**64,
        -(2**63),
        -(2**63) - 1,
        10**400,
        -(10**400),
    ),
    *(0.0, -0.0, 1.5, 5e-324, math.inf, -math.inf, math.nan),
    *("", "plain", "käse 🧀 日本", "\ud800 alone \udfff", "\0", "x" * 100_000),
    *(b"", b"\0\xff", b"x" * 100_000),
    *([], [1, [2, [3]]], [None], (), (1,), (1, (2, [3])), [(), [], {}, set()]),
    *(set(), {1, "a", None}, {(1, 2)}, frozenset(), frozenset({1}), {frozenset({1})}),
    {},
    {"a": {"b": [1, {"c": None}]}},
    {1: "int", 2.5: "float", None: "none", (1, ("x",)): "tuple", frozenset({1}): "frozenset"},
    {True: 1, b"bytes": 2, 2**80: 3, Color.RED: 4, Level.LOW: 5, date(2020, 1, 1): 6},
    *(1j, complex(-0.0, math.inf)),
    datetime(2024, 2, 29, 12, 30, 15, 123456),
    datetime(2024, 2, 29, tzinfo=UTC),
    datetime(2024, 2, 29, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
    datetime(2024, 2, 29, tzinfo=timezone(timedelta(seconds=17, microseconds=5))),
    datetime(2020, 10, 25, 2, 30, tzinfo=BERLIN),
    datetime(2020, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
    datetime(2020, 10, 25, 2, 30, fold=1),
    *(datetime.min, datetime.max, date.min, date(2024, 2, 29)),
    *(time(), time(1, 2, 3, 4), time(1, tzinfo=UTC), time(2, 30, tzinfo=BERLIN, fold=1)),
    *(timedelta(), timedelta(days=-1, microseconds=1), timedelta.max),
    *(
        Decimal("0.10"),
        Decimal("-0"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("-Infinity"),
        Decimal("1E+400"),
    ),
    UUID("12345678123456781234567812345678"),
    *(Path("/a/b c.txt"), Path(), Path("ü/\udcff")),
    *(range(0), range(1, 10, 3), range(10**30, 0, -1)),
    *(Color.RED, Color.CRIMSON, Color.BLUE, Level.LOW, Level.HIGH, Mode.FAST, Access.READ),
    *(Access.READ | Access.WRITE, Access(0), Bits.ONE | Bits.TWO),
]

RECORDS: list[object] = [
    Point(1, "two"),
    Point(Point(Frozen(1, (2, 3)), None), [Pair(1, {"a": Slotted(1.5)})]),
    Frozen(2**70),
    Doubled(4),
    Named(first="x"),
    Slotted(math.inf),
    Pair(Pair(1)),
    Settings(name="n", weights=[1.0, math.nan], extra=Point(1)),
    Options(depth=1, names=["a"]),
    {Frozen(1): {Frozen(2), Frozen(3)}},
    {Pair(1, 2): Settings(name="m")},
]


@pytest.mark.parametrize("value", PLAIN, ids=range(len(PLAIN)))
def test_plain_values_keep_value_and_type(value: object) -> None:
    assert_crosses(value)


@pytest.mark.parametrize("value", RECORDS, ids=lambda value: repr(value)[:40])
def test_records_keep_value_and_class(value: object) -> None:
    assert_crosses(value)


def test_a_changed_field_that_the_constructor_does_not_take_keeps_its_value() -> None:
    value = Doubled(4)
    value.doubled = 5

    assert send(value).doubled == 5


def test_a_pydantic_model_with_an_alias_crosses() -> None:
    assert_crosses(Aliased(Size=3))


def test_a_pydantic_root_model_crosses() -> None:
    assert_crosses(Rows([1, 2]))


def test_an_enum_member_crosses_whatever_its_value_is() -> None:
    assert send(Sentinel.MISSING) is Sentinel.MISSING


def test_the_same_path_class_is_built_whatever_path_was_sent() -> None:
    assert_crosses(Path("/a"))
    assert send(PurePosixPath("/a")) == Path("/a")


LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**200), 2**200),
    st.floats(),
    st.text(st.characters()),
    st.binary(),
    st.complex_numbers(),
    st.dates(),
    st.datetimes(timezones=st.none() | st.just(UTC) | st.timezones()),
    st.times(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.sampled_from([*Color, *Level, *Mode, Access.READ | Access.WRITE]),
)
KEYS: st.SearchStrategy[Any] = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3)
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.sets(KEYS, max_size=4),
        st.builds(Point, inner, inner),
        st.builds(Pair, inner, inner),
    ),
    max_leaves=12,
)


# The strategy itself is long when it is written out.
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@settings(max_examples=150)
@given(VALUES)
def test_any_combination_of_values_crosses(value: object) -> None:
    assert_crosses(value)


# Subclasses of plain types ------------------------------------------------------------------


class MyList(list[Any]):
    pass


class MyTuple(tuple[Any, ...]):
    pass


class MySet(set[Any]):
    pass


class MyFrozenset(frozenset[Any]):
    pass


class MyStr(str):
    pass


class MyBytes(bytes):
    pass


class MyInt(int):
    pass


class MyFloat(float):
    pass


class MyComplex(complex):
    pass


class MyDatetime(datetime):
    pass


class MyDecimal(Decimal):
    pass


@pytest.mark.parametrize(
    ("value", "base"),
    [
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(list, a=[1]), {"a": [1]}),
        (Counter("aab"), {"a": 2, "b": 1}),
        (MyList([1]), [1]),
        (MyTuple([1]), (1,)),
        (torch.Size([2, 3]), (2, 3)),
        (MySet({1}), {1}),
        (MyFrozenset({1}), frozenset({1})),
        (MyStr("s"), "s"),
        (MyBytes(b"b"), b"b"),
        (bytearray(b"b"), b"b"),
        (MyInt(3), 3),
        (MyInt(2**90), 2**90),
        (MyFloat(1.5), 1.5),
        (MyComplex(1j), 1j),
        (MyDatetime(2020, 1, 2, 3), datetime(2020, 1, 2, 3)),
        (MyDecimal("1.50"), Decimal("1.50")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_subclass_of_a_plain_type_crosses_as_that_type(value: object, base: object) -> None:
    assert fingerprint(send([value])) == fingerprint([base])


# Classes that one side does not have --------------------------------------------------------


def test_an_instance_of_an_unknown_class_arrives_as_a_record() -> None:
    record = send(Point(1, [Pair(2)]), Codec())

    assert type(record) is Record
    assert (record.x, record.y[0].left) == (1, 2)
    assert repr(record) == "Point(x=1, y=[Pair(left=2, right=None)])"


def test_a_record_goes_back_as_the_class_it_came_from() -> None:
    outside = Codec()

    body, segments = outside.encode(send(Point(1, Frozen(2)), outside))

    assert codec().decode(body, segments) == Point(1, Frozen(2))


def test_a_moment_that_pydantic_read_keeps_its_offset() -> None:
    read = pydantic.TypeAdapter(datetime).validate_json('"2024-01-01T10:00:00+02:00"')

    received = send(read)

    assert (received, received.utcoffset()) == (read, timedelta(hours=2))


def test_a_member_of_an_unknown_enum_arrives_by_its_name_and_value() -> None:
    member = send(Color.BLUE, Codec())

    assert (type(member), member.name, member.value) == (Member, "BLUE", "blue")
    assert repr(member) == "Color(name='BLUE', value='blue')"


def test_a_member_that_came_from_afar_goes_back_as_what_it_was() -> None:
    types = TypeNames({"Color": Color})
    afar = Codec()
    member = afar.decode(*Codec(types).encode(Color.BLUE))

    for each in (member, copy.copy(member), pickle.loads(pickle.dumps(member))):
        assert Codec(types).decode(*afar.encode(each)) is Color.BLUE


def test_frozen_instances_of_unknown_classes_stay_keys_and_elements() -> None:
    by_record = send({Frozen(1): "one"}, Codec())
    records = send({Pair(1), Pair(2)}, Codec())

    assert [record.a for record in by_record] == [1]
    assert sorted(record.left for record in records) == [1, 2]


def test_classes_of_one_name_get_names_of_their_own() -> None:
    first, second = (make_dataclass("Same", ["a"]) for _ in range(2))
    both = Codec(names := TypeNames())

    body, segments = both.encode([first(1), second(2)])

    assert [type(each) for each in both.decode(body, segments)] == [first, second]
    assert names.find("Same_2") is second


# Arrays -------------------------------------------------------------------------------------

BASE = np.arange(24, dtype="f8").reshape(2, 3, 4)

ARRAYS: dict[str, np.ndarray[Any, Any]] = {
    **{
        kind: np.array([[0, 1, 2], [3, 4, 5]]).astype(kind)
        for kind in (*"?bhilBHILefdgFDG", ">i4", ">f8", "M8[ns]", "M8[D]", "m8[s]", "S5")
    },
    "strings": np.array(["", "käse", "🧀"]),
    "not a time": np.array(["NaT", "2020-01-01"], "M8[us]"),
    "0-d": np.array(1.5),
    "0-d string": np.array(""),
    "empty": np.empty((0, 3), "f4"),
    "empty string": np.array([], dtype=str),
    "transposed": BASE.T,
    "negative strides": BASE[::-1, :, ::-2],
    "every second": BASE[:, ::2],
    "broadcast": np.broadcast_to(np.arange(3), (4, 3)),
    "Fortran order": np.asfortranarray(BASE),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_arrays_keep_dtype_shape_and_numbers(array: np.ndarray[Any, Any]) -> None:
    result = send(array)

    assert type(result) is np.ndarray
    assert (result.dtype, result.shape) == (array.dtype, array.shape)
    assert result.tobytes() == array.tobytes()


@pytest.mark.parametrize("source", [BASE, BASE.T, np.empty((0, 2)), np.array(1.0)], ids=np.shape)
def test_a_received_array_is_writable_and_independent(source: np.ndarray[Any, Any]) -> None:
    before = source.copy()
    result = send(source)

    result[...] = -1

    np.testing.assert_array_equal(source, before)


@pytest.mark.parametrize(
    "scalar",
    [
        *(np.bool_(True), np.int8(-1), np.uint64(2**64 - 1), np.float16(0.1), np.float32(0.1)),
        *(np.float64(0.1), np.longdouble("0.1"), np.complex64(1j), np.complex128(1j)),
        *(np.datetime64("2020-01-01T00:00"), np.timedelta64(5, "s"), np.str_("ü"), np.bytes_(b"b")),
        *(np.str_(""), np.bytes_(b"")),
    ],
    ids=repr,
)
def test_numpy_scalars_keep_their_type(scalar: np.generic) -> None:
    result = send({"scalar": scalar})["scalar"]

    assert type(result) is type(scalar)
    assert (result.dtype, result) == (scalar.dtype, scalar)


def test_a_numpy_scalar_can_be_a_key() -> None:
    assert send({np.int32(1): 1, np.float64(0.5): 2}) == {np.int32(1): 1, np.float64(0.5): 2}


# Tensors ------------------------------------------------------------------------------------

DTYPES = [
    *(torch.bool, torch.uint8, torch.uint16, torch.uint32, torch.uint64),
    *(torch.int8, torch.int16, torch.int32, torch.int64),
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
    *(torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz),
    *(torch.float8_e8m0fnu, torch.complex64, torch.complex128),
]
GRID = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)


def memory(tensor: torch.Tensor) -> list[int]:
    flat: list[int] = tensor.detach().contiguous().reshape(-1).view(torch.uint8).tolist()
    return flat


def assert_same_tensor(result: object, tensor: torch.Tensor) -> None:
    assert type(result) is torch.Tensor
    assert (result.dtype, result.shape) == (tensor.dtype, tensor.shape)
    assert memory(result) == memory(tensor.resolve_conj().resolve_neg())


@pytest.mark.parametrize("shape", [(2, 3), (), (0, 3)], ids=repr)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_tensors_keep_dtype_shape_and_numbers(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    numbers = torch.arange(1, math.prod(shape) + 1, dtype=torch.float32)

    tensor = numbers.reshape(shape).to(dtype)

    assert_same_tensor(send(tensor), tensor)


@pytest.mark.parametrize(
    "tensor",
    [
        GRID.transpose(0, 2),
        GRID[:, ::2, 1:],
        GRID.expand(5, 2, 3, 4),
        GRID.clone().requires_grad_() * 2,
        torch.nn.Parameter(GRID.clone()),
        torch.tensor([math.nan, -0.0, math.inf], dtype=torch.bfloat16),
        torch.tensor([1 + 2j, 3 - 4j]).conj(),
        torch.tensor([1 + 2j, 3 - 4j]).conj().imag,
        GRID[None].contiguous(memory_format=torch.channels_last),
    ],
    ids=[
        *("transposed", "sliced", "expanded", "with gradient", "parameter", "special numbers"),
        *("conjugate", "negative", "channels last"),
    ],
)
def test_any_view_of_a_tensor_arrives_as_the_numbers_it_shows(tensor: torch.Tensor) -> None:
    result = send([tensor])[0]

    assert_same_tensor(result, tensor)
    assert not result.requires_grad


@pytest.mark.parametrize("source", [GRID, GRID.mT, torch.ones(())])
def test_a_received_tensor_is_writable_and_independent(source: torch.Tensor) -> None:
    before = source.clone()
    result = send(source)

    result.fill_(-1)

    assert torch.equal(source, before)
    assert (result == -1).all()


def test_tensors_of_one_message_do_not_share_memory() -> None:
    first, second = send((torch.zeros(3), torch.zeros(3)))

    first.fill_(1)

    assert second.tolist() == [0, 0, 0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.bool, torch.bfloat16], ids=str)
def test_without_torch_a_tensor_arrives_as_an_array_of_the_same_numbers(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, segments = codec().encode(torch.tensor([0, 1, 1], dtype=dtype))
    monkeypatch.setitem(sys.modules, "torch", None)

    result = codec().decode(body, segments)

    assert isinstance(result, np.ndarray)
    assert result.tolist() == [0, 1, 1]


NARROW = [
    *(torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz),
    *(torch.float8_e5m2fnuz, torch.float8_e8m0fnu),
]


@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_without_torch_what_numpy_has_no_dtype_for_has_the_same_numbers_and_its_name(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = {1: torch.uint8, 2: torch.int16}[dtype.itemsize]
    codes = torch.arange(1 << 8 * dtype.itemsize).to(kind)
    tensor = codes.view(dtype).reshape(2, -1)
    body, segments = codec().encode([tensor, tensor[:0]])
    monkeypatch.setitem(sys.modules, "torch", None)

    result, empty = codec().decode(body, segments)

    monkeypatch.undo()
    np.testing.assert_array_equal(result, tensor.float().numpy())
    assert (dtype_name(result), str(result.dtype)) == (str(dtype)[6:], "float32")
    assert dtype_name(result[0]) == dtype_name(tensor)
    assert empty.shape == (0, tensor.shape[1])
    result[0, 0] = 1.0


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
def test_without_torch_half_complex_numbers_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    tensor = torch.tensor([1 + 2j, -0.5j], dtype=torch.complex32)
    body, segments = codec().encode(tensor)
    monkeypatch.setitem(sys.modules, "torch", None)

    result = codec().decode(body, segments)

    assert (dtype_name(result), result.tolist()) == ("complex32", [1 + 2j, -0.5j])


# What cannot cross --------------------------------------------------------------------------


def generate() -> Iterator[int]:
    yield 1


def shout(text: str) -> str:
    return text.upper()


UNCROSSABLE: dict[str, tuple[Callable[[], object], str, str]] = {
    "itself": (lambda: shout, "arg", "function"),
    "class": (lambda: Odd, "arg", "type"),
    "list": (lambda: [1, [2, shout]], "arg[1][1]", "function"),
    "tuple": (lambda: (1, (shout,)), "arg[1][0]", "function"),
    "dict": (lambda: {"a": {"b": shout}}, "arg['a']['b']", "function"),
    "int key": (lambda: {1: [Odd()]}, "arg[1][0]", f"{__name__}.Odd"),
    "tuple key": (lambda: {("k", 1): shout}, "arg[('k', 1)]", "function"),
    "key": (lambda: {len: 1}, "arg key <built-in function len>", "builtin_function_or_method"),
    "in a key": (lambda: {(1, len): 1}, f"arg key {(1, len)!r}[1]", "builtin_function_or_method"),
    "set": (lambda: {1, len}, "arg element <built-in function len>", "builtin_function_or_method"),
    "frozenset": (
        lambda: [frozenset({len})],
        "arg[0] element <built-in function len>",
        "builtin_function_or_method",
    ),
    "attribute": (lambda: Point(1, Point(shout)), "arg.y.x", "function"),
    "named tuple": (lambda: Pair(1, [shout]), "arg.right[0]", "function"),
    "model": (lambda: Settings(name="", extra={"a": shout}), "arg.extra['a']", "function"),
    "record": (lambda: Record("Gone", {"a": shout}), "arg.a", "function"),
    "generator": (lambda: [generate()], "arg[0]", "generator"),
    "iterator": (lambda: iter([1]), "arg", "list_iterator"),
    "object": (lambda: {"a": object()}, "arg['a']", "object"),
    "exception": (lambda: [ValueError("v")], "arg[0]", "ValueError"),
    "object array": (lambda: [np.array([object()])], "arg[0]", "numpy.ndarray"),
    "record array": (lambda: np.zeros(2, "i4,f4"), "arg", "numpy.ndarray"),
    "string array": (
        lambda: [np.array(["a"], dtype=np.dtypes.StringDType())],
        "arg[0]",
        "numpy.ndarray",
    ),
    "sparse": (lambda: {"m": torch.eye(2).to_sparse()}, "arg['m']", "torch.Tensor"),
    "meta": (lambda: torch.empty(2, device="meta"), "arg", "torch.Tensor"),
    "dtype": (lambda: (torch.float16,), "arg[0]", "torch.dtype"),
    "zone": (lambda: [datetime(2020, 1, 1, tzinfo=Zone())], "arg[0]", "datetime.datetime"),
    "unset attribute": (lambda: [Point.__new__(Point)], "arg[0]", f"{__name__}.Point"),
}


def test_a_field_that_the_class_has_not_set_yet_stays_unset() -> None:
    value = codec().decode(*codec().encode(Unfinished()))

    assert type(value) is Unfinished
    assert not hasattr(value, "value")


class Zone(tzinfo):
    def utcoffset(self, _: datetime | None) -> timedelta:
        return timedelta()

    dst = utcoffset

    def tzname(self, _: datetime | None) -> str:
        return "Zone"


@pytest.mark.parametrize(("make", "path", "type_name"), UNCROSSABLE.values(), ids=UNCROSSABLE)
def test_what_cannot_cross_is_named_with_its_place_and_type(
    make: Callable[[], object], path: str, type_name: str
) -> None:
    with pytest.raises(EncodeError) as caught:
        codec().encode(make(), "arg")

    assert (caught.value.path, caught.value.type_name) == (path, type_name)
    assert str(caught.value).startswith(f"{path} is a {type_name}: ")


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        (shout, "code does not cross"),
        ((number for number in "12"), r"send list\(\.\.\.\) of it"),
        (torch.eye(2).to_sparse(), r"to_dense\(\)"),
        (object(), "plain values"),
    ],
    ids=["function", "generator", "sparse", "object"],
)
def test_what_cannot_cross_comes_with_advice(value: object, advice: str) -> None:
    with pytest.raises(EncodeError, match=advice):
        codec().encode(value)


def cyclic_list() -> object:
    value: list[Any] = []
    value.append(value)
    return value


def cyclic_tuple() -> object:
    value: list[Any] = []
    value.append((1, value))
    return value


def cyclic_dict() -> object:
    value: dict[str, Any] = {}
    value["again"] = ({"and": value},)
    return value


def cyclic_dataclass() -> object:
    value = Point(1)
    value.y = [value]
    return value


def deep_list() -> object:
    value: object = 1
    for _ in range(100_000):
        value = [value]
    return value


def deep_tuple() -> object:
    value: object = 1
    for _ in range(100_000):
        value = (value,)
    return value


@pytest.mark.parametrize(
    "make", [cyclic_list, cyclic_tuple, cyclic_dict, cyclic_dataclass, deep_list, deep_tuple]
)
def test_endless_values_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(EncodeError, match="contains itself or is nested too deeply"):
        codec().encode(make())


@pytest.mark.parametrize("depth", [1, 50, 100, 250, 400, 500, 505, 508, 509, 510, 511, 512])
@pytest.mark.parametrize(
    ("wrap", "unwrap"),
    [
        (lambda value: [value], lambda value: value[0]),
        (lambda value: (value,), lambda value: value[0]),
        (lambda value: {"key": value}, lambda value: value["key"]),
        (lambda value: {(value,)}, lambda value: next(iter(value))[0]),
        (lambda value: Point(value), lambda value: value.x),
    ],
    ids=["list", "tuple", "dict", "set", "record"],
)
def test_whatever_depth_is_accepted_comes_back(
    wrap: Callable[[Any], Any], unwrap: Callable[[Any], Any], depth: int
) -> None:
    value: Any = 1
    for _ in range(depth):
        value = frozenset(wrap(value)) if isinstance(wrap(1), set) else wrap(value)
    try:
        body, segments = codec().encode(value)
    except EncodeError:
        assert depth > 100
        return

    result = codec().decode(body, segments)

    for _ in range(depth):
        result = unwrap(result)
    assert result == 1


# Hostile bytes ------------------------------------------------------------------------------

MARK = msgpack.ExtType(1, b"")


def marked(*parts: object) -> bytes:
    """Give the bytes of a marked list, whether or not it makes sense."""
    packed: bytes = msgpack.packb([MARK, *parts])
    return packed


@dataclass
class Hostile:
    body: bytes
    segments: tuple[bytes, ...] = ()


HOSTILE: dict[str, Hostile] = {
    "nothing": Hostile(b""),
    "cut off": Hostile(b"\x92\x01"),
    "more than one value": Hostile(b"\x01\x01"),
    "reserved byte": Hostile(b"\xc1"),
    "promise of a huge list": Hostile(b"\xdd\xff\xff\xff\xff"),
    "promise of a huge map": Hostile(b"\xdf\xff\xff\xff\xff"),
    "promise of huge bytes": Hostile(b"\xc6\xff\xff\xff\xff"),
    "deep lists": Hostile(b"\x91" * 100_000 + b"\x01"),
    "deep maps": Hostile(b"\x81\x01" * 100_000 + b"\x01"),
    "deep tuples": Hostile(b"\x93\xc7\x00\x01\xa5tuple" * 100_000 + b"\x01"),
    "text that is no UTF-8": Hostile(b"\xa1\xff"),
    "list as a key": Hostile(b"\x81\x91\x01\x01"),
    "map as a key": Hostile(b"\x81\x80\x01"),
    "extension of another code": Hostile(b"\xd4\x02\x00"),
    "mark with content": Hostile(b"\xd4\x01\x00"),
    "mark in another way": Hostile(b"\x93\xc8\x00\x00\x01\xa5bytes\x00", (b"content",)),
    "mark alone in a list": Hostile(marked()),
    "unknown tag": Hostile(marked("eval", "1")),
    "tag that is no text": Hostile(marked(1)),
    "tag that cannot be hashed": Hostile(marked([], 1)),
    "set of lists": Hostile(marked("set", [])),
    "int of text": Hostile(marked("int", "1")),
    "complex of bytes": Hostile(marked("complex", b"1")),
    "date that is none": Hostile(marked("date", "2024-13-01")),
    "datetime of a number": Hostile(marked("datetime", 1, None, 0)),
    "datetime without parts": Hostile(marked("datetime")),
    "time zone that is none": Hostile(marked("datetime", "2024-01-01", "Mars/Base", 0)),
    "time zone outside": Hostile(marked("datetime", "2024-01-01", "../../../etc/passwd", 0)),
    "time zone from the root": Hostile(marked("time", "01:00", "/etc/passwd", 0)),
    "time zone that is a folder": Hostile(marked("datetime", "2024-01-01", "America", 0)),
    "time zone that is too long": Hostile(marked("datetime", "2024-01-01", "a" * 5000, 0)),
    "time zone with a zero byte": Hostile(marked("datetime", "2024-01-01", "\0", 0)),
    "time zone that is a number": Hostile(marked("datetime", "2024-01-01", 5, 0)),
    "fold that is none": Hostile(marked("datetime", "2024-01-01", None, 7)),
    "timedelta too long": Hostile(marked("timedelta", 2**62, 0, 0)),
    "decimal that is none": Hostile(marked("decimal", "one")),
    "uuid that is short": Hostile(marked("uuid", b"1")),
    "range of text": Hostile(marked("range", "a", "b", 1)),
    "range without steps": Hostile(marked("range", 0, 1, 0)),
    "path of a number": Hostile(marked("path", 1)),
    "record without fields": Hostile(marked("record", "Point")),
    "record with fields in a list": Hostile(marked("record", "Point", [1])),
    "record with a number for a name": Hostile(marked("record", 1, {})),
    "record with numbers for names": Hostile(marked("record", "Gone", {1: 2})),
    "field missing": Hostile(marked("record", "Frozen", {})),
    "field unknown": Hostile(marked("record", "Point", {"x": 1, "z": 1})),
    "field hidden": Hostile(marked("record", "Point", {"x": 1, "__class__": 1})),
    "fields with numbers for names": Hostile(marked("record", "Point", {1: 1})),
    "named tuple too long": Hostile(marked("record", "Pair", {"left": 1, "more": 1})),
    "model of another type": Hostile(marked("record", "Settings", {"name": 1})),
    "constructor: ValueError": Hostile(marked("record", "Picky", {"problem": "ValueError"})),
    "constructor: assertion": Hostile(marked("record", "Picky", {"problem": "AssertionError"})),
    "constructor: runtime": Hostile(marked("record", "Picky", {"problem": "RuntimeError"})),
    "constructor: attribute": Hostile(marked("record", "Picky", {"problem": "AttributeError"})),
    "constructor: system": Hostile(marked("record", "Picky", {"problem": "OSError"})),
    "enum of no member": Hostile(marked("enum", "Color", "GREEN", "green")),
    "enum that is none": Hostile(marked("enum", "Point", "x", 1)),
    "enum value that cannot be hashed": Hostile(marked("enum", "Color", None, [1])),
    "no segments": Hostile(marked("array", "<f4", [1], 0)),
    "segment out of reach": Hostile(marked("array", "<f4", [1], 1), (bytes(4),)),
    "segment before the first": Hostile(marked("tensor", "float32", [1], -1), (bytes(4),)),
    "segment of no number": Hostile(marked("tensor", "float32", [1], "0"), (bytes(4),)),
    "segment too short": Hostile(marked("array", "<f4", [2], 0), (bytes(4),)),
    "segment too long": Hostile(marked("tensor", "float32", [2], 0), (bytes(9),)),
    "negative length": Hostile(marked("array", "<f4", [-1], 0), (bytes(4),)),
    "negative lengths": Hostile(marked("tensor", "float32", [-1, -1], 0), (bytes(4),)),
    "length of no number": Hostile(marked("array", "<f4", ["1"], 0), (bytes(4),)),
    "length of a float": Hostile(marked("tensor", "float32", [1.0], 0), (bytes(4),)),
    "shape of no list": Hostile(marked("array", "<f4", 1, 0), (bytes(4),)),
    "shape too long": Hostile(marked("array", "<f4", [0] * 200, 0), (b"",)),
    "shape beyond memory": Hostile(marked("array", "<f4", [2**62, 2**62, 0], 0), (b"",)),
    "tensor beyond memory": Hostile(marked("tensor", "float32", [2**62, 2**62, 0], 0), (b"",)),
    "tensor beyond integers": Hostile(marked("tensor", "float32", [2**63, 0], 0), (b"",)),
    "items without size": Hostile(marked("array", "S0", [10**12], 0), (b"",)),
    "text without size": Hostile(marked("array", "U0", [10**9], 0), (b"",)),
    "array of objects": Hostile(marked("array", "O", [1], 0), (bytes(8),)),
    "array with objects": Hostile(marked("array", "i4,O", [1], 0), (bytes(12),)),
    "array of records": Hostile(marked("array", "i4,i4", [1], 0), (bytes(8),)),
    "array of raw memory": Hostile(marked("array", "V8", [1], 0), (bytes(8),)),
    "array of no dtype": Hostile(marked("array", "float33", [1], 0), (bytes(8),)),
    "dtype that is no syntax": Hostile(marked("array", "(1,", [1], 0), (bytes(8),)),
    "dtype that is code": Hostile(marked("array", "__import__('os')", [1], 0), (bytes(8),)),
    "scalar with a shape": Hostile(marked("scalar", "<f4", [1], 0), (bytes(4),)),
    "tensor of no dtype": Hostile(marked("tensor", "float33", [1], 0), (bytes(4),)),
    "tensor of a class": Hostile(marked("tensor", "Tensor", [0], 0), (b"",)),
    "tensor of a function": Hostile(marked("tensor", "load", [0], 0), (b"",)),
    # Made with memory in it, one of these ends the process.
    "quantised tensor": Hostile(marked("tensor", "quint8", [0], 0), (b"",)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_refused(hostile: Hostile) -> None:
    with pytest.raises(DecodeError):
        codec().decode(hostile.body, hostile.segments)


def test_a_dtype_loads_no_module(run_python: Callable[..., str]) -> None:
    printed = run_python(
        f"""
        import sys
        import torch
        from seer_runtime.wire.codec import Codec
        from seer_runtime.wire.errors import DecodeError

        before = set(sys.modules)
        try:
            Codec().decode({marked("tensor", "_dynamo", [0], 0)!r}, [b""])
        except DecodeError:
            print(sorted(name for name in set(sys.modules) - before if "_dynamo" in name)[:3])
        """
    )

    assert printed.strip() == "[]"


@pytest.mark.parametrize(
    "name", ["eval", "builtins.eval", "subprocess.Popen", "list", "Path", "Record", "os.system", ""]
)
def test_only_registered_classes_are_built(name: str) -> None:
    record = codec().decode(marked("record", name, {"args": ["true"], "shell": True}))
    member = codec().decode(marked("enum", name, "args", "true"))

    assert (type(record), record.args) == (Record, ["true"])
    assert (type(member), member.value) == (Member, "true")


def decode_whatever(body: bytes, segments: list[bytes]) -> None:
    """Decode, and let nothing but a DecodeError pass."""
    with contextlib.suppress(DecodeError):
        codec().decode(body, segments)


@settings(max_examples=400)
@given(st.binary(max_size=60), st.lists(st.binary(max_size=16), max_size=2))
def test_any_bytes_are_decoded_or_refused(body: bytes, segments: list[bytes]) -> None:
    decode_whatever(body, segments)
    decode_whatever(b"\x94\xc7\x00\x01" + body, segments)


TAGS = [
    *("tuple", "set", "frozenset", "int", "complex", "datetime", "time", "date", "timedelta"),
    *("decimal", "uuid", "range", "path", "record", "enum", "scalar", "no tag"),
]
PARTS = st.one_of(
    st.none(),
    st.integers(-3, 2**64 - 1),
    st.floats(),
    st.sampled_from([cls.__name__ for cls in TYPES]),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.lists(st.integers(-1, 3), max_size=2),
    st.dictionaries(st.sampled_from(["x", "a", "left", "name", "given"]), st.integers(-1, 3)),
)


@settings(max_examples=400)
@given(st.sampled_from(TAGS), st.lists(PARTS, max_size=4))
def test_any_marked_list_is_decoded_or_refused(tag: str, parts: list[object]) -> None:
    decode_whatever(marked(tag, *parts), [bytes(4)])


@settings(max_examples=400)
@given(
    st.sampled_from(["array", "scalar", "tensor"]),
    st.sampled_from(["<f4", ">i2", "|b1", "<M8[s]", "<U1", "float32", "bool", "bfloat16", "int64"])
    | st.text(max_size=4),
    st.lists(st.integers(-2, 4) | st.integers(2**31, 2**64 - 1), max_size=4),
    st.integers(-1, 2),
    st.binary(max_size=16),
)
@pytest.mark.filterwarnings("ignore")
def test_any_description_of_memory_is_decoded_or_refused(
    tag: str, dtype: str, shape: list[int], index: int, segment: bytes
) -> None:
    decode_whatever(marked(tag, dtype, shape, index), [segment])


@pytest.mark.parametrize("seed", range(20))
def test_damaged_encodings_are_decoded_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    value = [*PLAIN[30:], *RECORDS, BASE, GRID, torch.ones(2, dtype=torch.bool), np.float32(1)]
    body, segments = codec().encode([part for part in value if len(repr(part)) < 1000])
    copies = [bytes(segment) for segment in segments]

    for _ in range(20):
        damaged = bytearray(body)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        decode_whatever(bytes(damaged), copies)
        decode_whatever(body[: chance.randrange(len(body))], copies)
        decode_whatever(body, copies[: chance.randrange(len(copies))])
