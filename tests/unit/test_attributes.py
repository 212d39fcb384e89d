"""An exception's attributes: what crosses, what is left out, and what hostile bytes can do."""

from __future__ import annotations

import enum
import math
import reprlib
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seer_runtime.wire.attributes import pack_attributes, unpack_attributes
from seer_runtime.wire.codec import Codec
from seer_runtime.wire.limits import MAX_ATTRIBUTES


class WordError(Exception):
    def __init__(self, **attributes: Any) -> None:
        super().__init__("what")
        vars(self).update(attributes)


class Level(enum.IntEnum):
    LOW = 1


def crossed(**attributes: Any) -> dict[str, Any]:
    content = pack_attributes(WordError(**attributes))
    assert len(content) <= MAX_ATTRIBUTES
    return unpack_attributes(content)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, -1, 2**63, -(10**40), 0.5, math.inf, "", "größe 🧀", "a lone \ud800"),
        *([], [1, "two", None], {}, {"a": [1.5, {"b": False}], 2: None}, nested(20)),
        "x" * (MAX_ATTRIBUTES - 100),
        list(range(5000)),
    ],
    ids=reprlib.repr,
)
def test_plain_values_cross(value: object) -> None:
    assert crossed(value=value) == {"value": value}
    assert type(crossed(value=value)["value"]) is type(value)


ITSELF: list[Any] = []
ITSELF.append(ITSELF)

UNCROSSABLE = {
    "an object": object(),
    "a function": print,
    "bytes": b"bytes",
    "a tuple": (1, 2),
    "a set": {1},
    "a range": range(3),
    "a path": Path("/x"),
    "a member of an enum": Level.LOW,
    "an exception": ValueError("inner"),
    "an object in a list": [object()],
    "bytes deep inside": {"a": [b""]},
    "a tuple as a key": {(1,): 2},
    "a list in itself": ITSELF,
    "too deep a list": nested(2000),
    "a long text": "x" * MAX_ATTRIBUTES,
    "a text of many bytes": "ü" * (MAX_ATTRIBUTES // 2),
    "a large number": 1 << (8 * MAX_ATTRIBUTES),
    "a long list": [0] * MAX_ATTRIBUTES,
    "long lists together": [[0] * 100] * 200,
    "a large table": dict.fromkeys(range(10_000)),
}


@pytest.mark.parametrize("value", UNCROSSABLE.values(), ids=UNCROSSABLE)
def test_what_cannot_cross_is_left_out_and_the_others_are_not(value: object) -> None:
    assert crossed(before=1, value=value, after=2) == {"before": 1, "after": 2}


def test_what_is_very_large_is_left_out_at_once() -> None:
    endless: list[Any] = [0] * 10_000
    for _ in range(20):
        endless = [endless] * 10_000

    assert crossed(endless=endless, table={"x": endless}, names=["x" * 10**7]) == {}


def test_private_attributes_and_names_that_are_none_are_left_out() -> None:
    error = WordError(public=1, _private=2, __mangled=3)
    error.add_note("noted")
    vars(error)[5] = 6  # type: ignore[index]

    assert unpack_attributes(pack_attributes(error)) == {"public": 1}


def test_attributes_fit_together_or_the_later_ones_are_left_out() -> None:
    large = "x" * (MAX_ATTRIBUTES // 2 - 100)

    assert list(crossed(a=large, b=large, c=large, d=1)) == ["a", "b", "d"]


@given(st.dictionaries(st.text(min_size=1), st.binary() | st.text() | st.integers()))
def test_no_attributes_take_more_than_there_is_room(attributes: dict[str, Any]) -> None:
    content = pack_attributes(WordError(**attributes))

    assert len(content) <= MAX_ATTRIBUTES
    assert set(unpack_attributes(content)) == {
        name
        for name, value in attributes.items()
        if not isinstance(value, bytes) and not name.startswith("_")
    }


def test_an_exception_without_attributes_has_no_bytes() -> None:
    assert pack_attributes(ValueError("v")) == b""
    assert unpack_attributes(b"") == {}


def test_no_code_of_the_exception_runs() -> None:
    class HostileError(Exception):
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

        @property
        def computed(self) -> int:
            raise RuntimeError

    assert pack_attributes(HostileError()) == b""


HOSTILE = {
    "no MessagePack": b"\xc1",
    "half a value": b"\x81\xa1a",
    "no dict": Codec().encode([1]).body,
    "an unknown tag": msgpack.packb({"a": [msgpack.ExtType(1, b""), "os.system", "x"]}),
    "an unknown extension": msgpack.packb({"a": msgpack.ExtType(5, b"x")}),
    "a tensor without memory": msgpack.packb(
        {"a": [msgpack.ExtType(1, b""), "tensor", "float32", [1], 0]}
    ),
    "deep": b"\x81\xa1a" + b"\x91" * 10_000 + b"\x01",
    "too much": Codec().encode({"a": "x" * MAX_ATTRIBUTES}).body,
    "a promise": b"\x81\xa1a\xdd\xff\xff\xff\xff",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_give_no_attributes(content: bytes) -> None:
    assert unpack_attributes(content) == {}


def test_what_is_not_plain_in_hostile_bytes_is_left_out() -> None:
    content = Codec().encode({"a": Path("/x"), "_b": 1, 2: 3, "c": 4, "d": Level.LOW})

    assert unpack_attributes(content.body) == {"c": 4}


@given(st.binary(max_size=200))
def test_any_bytes_give_attributes_or_none(content: bytes) -> None:
    assert all(type(name) is str for name in unpack_attributes(content))
