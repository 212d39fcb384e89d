"""Hints: each kind becomes a type of the schema, and what has none is served as Any."""

from __future__ import annotations

import collections.abc
import datetime as dt
import decimal
import enum
import functools
import json
import pathlib
import typing
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypedDict, TypeVar

import jaxtyping
import numpy as np
import numpy.typing as npt
import pydantic
import pytest
import torch
import typing_extensions

from seer_runtime.arguments import ArgumentChecker, ArgumentsError
from seer_runtime.hints import TypeDescriber
from seer_runtime.schema import Signature, build_schema
from seer_runtime.wire.pb.interface_pb2 import Default, NamedType, Type
from seer_runtime.wire.records import TypeNames

T = TypeVar("T")
Bound = TypeVar("Bound", bound=int)
Token = NewType("Token", int)
Alias = typing_extensions.TypeAliasType("Alias", list[int])


class Color(enum.Enum):
    """The colours."""

    RED = 1
    CRIMSON = RED
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@dataclass
class Node:
    """A node.

    With children.
    """

    value: int
    children: list[Node] = field(default_factory=list)
    parent: Node | None = None
    color: Color = Color.RED
    kind: typing.ClassVar[str] = "node"


@dataclass
class Pair(Generic[T]):
    left: T


class Span(NamedTuple):
    start: int
    end: int = -1


class Partial(TypedDict, total=False):
    name: str


class Options(Partial):
    depth: int
    seed: typing_extensions.NotRequired[int]


Headers = TypedDict(
    "Headers",
    {"content-type": str, "from": typing_extensions.NotRequired["list[Headers]"], "": int},
)


class Settings(pydantic.BaseModel):
    size: int
    names: list[str] = []
    ratio: float = pydantic.Field(default=0.5, ge=0)


class Odd:
    """Nothing that has a description."""


def described(name: str, *arguments: Type) -> Type:
    return Type(name=name, arguments=arguments)


INT, STR, FLOAT, ANY, NONE = (Type(name=name) for name in ("int", "str", "float", "any", "none"))

HINTS: list[tuple[Any, Type]] = [
    *((int, INT), (str, STR), (float, FLOAT), (bool, Type(name="bool"))),
    *((bytes, Type(name="bytes")), (complex, Type(name="complex")), (range, Type(name="range"))),
    *((Any, ANY), (object, ANY), (None, NONE), (type(None), NONE)),
    *((list, described("list")), (list[int], described("list", INT))),
    (typing.List[int], described("list", INT)),  # noqa: UP006 - people still write it
    (dict[str, list[int]], described("dict", STR, described("list", INT))),
    (typing.Dict[str, Any], described("dict", STR, ANY)),  # noqa: UP006
    *((set[int], described("set", INT)), (frozenset[str], described("frozenset", STR))),
    (tuple[int, ...], described("tuple", INT, Type(name="..."))),
    (tuple[int, str], described("tuple", INT, STR)),
    *((tuple, described("tuple")), (tuple[()], described("tuple"))),
    (typing.Optional[int], described("union", INT, NONE)),  # noqa: UP045
    (typing.Union[int, str], described("union", INT, STR)),  # noqa: UP007
    (int | str | None, described("union", INT, STR, NONE)),
    (list[int | None], described("list", described("union", INT, NONE))),
    (
        Literal["a", 1, True, None, b"x"],
        Type(name="literal", literals=["'a'", "1", "True", "None", "b'x'"]),
    ),
    (Annotated[int, "positive"], INT),
    (Annotated[list[Annotated[int, 1]], 2], described("list", INT)),
    *((Annotated[Any, 1], ANY), (Annotated[None, 1], NONE)),
    *((Token, INT), (list[Token], described("list", INT))),
    *((T, ANY), (Bound, INT)),
    (list[T], described("list", ANY)),  # type: ignore[valid-type]
    (Alias, described("list", INT)),
    (collections.abc.Sequence[int], described("collections.abc.Sequence", INT)),
    (typing.Sequence[int], described("collections.abc.Sequence", INT)),
    (collections.abc.Mapping[str, int], described("collections.abc.Mapping", STR, INT)),
    (collections.abc.Iterable[int], described("collections.abc.Iterable", INT)),
    (collections.abc.Set[int], described("collections.abc.Set", INT)),
    (dt.datetime, Type(name="datetime.datetime")),
    (dt.date, Type(name="datetime.date")),
    (dt.time, Type(name="datetime.time")),
    (dt.timedelta, Type(name="datetime.timedelta")),
    *((decimal.Decimal, Type(name="decimal.Decimal")), (uuid.UUID, Type(name="uuid.UUID"))),
    (pathlib.Path, Type(name="pathlib.Path")),
    *((torch.Tensor, Type(name="torch.Tensor")), (np.ndarray, Type(name="numpy.ndarray"))),
    *((cls, Type(name=cls.__name__, named=True)) for cls in (Color, Node, Span, Options, Settings)),
    (Pair[int], Type(name="Pair", named=True)),
    (
        dict[Color, Node | None],
        described(
            "dict",
            Type(name="Color", named=True),
            described("union", Type(name="Node", named=True), NONE),
        ),
    ),
]


def describe(hint: object) -> tuple[Type, TypeDescriber]:
    describer = TypeDescriber(TypeNames())
    return describer.describe(hint, "here"), describer


def named(hint: object) -> NamedType:
    """Describe a class and give its definition."""
    found, describer = describe(hint)
    return next(each for each in describer.named_types if each.name == found.name)


@pytest.mark.parametrize(("hint", "expected"), HINTS, ids=lambda value: repr(value)[:40])
def test_a_hint_has_its_type_and_no_warning(hint: object, expected: Type) -> None:
    found, describer = describe(hint)

    assert found == expected
    assert describer.warnings == []


class Shaped:
    """As jaxtyping's classes are, where that is not installed."""

    array_type = torch.Tensor
    dim_str = "batch  seq"
    dtypes = ("float32",)


TENSOR, NDARRAY = "torch.Tensor", "numpy.ndarray"
ARRAYS: list[tuple[Any, Type]] = [
    (npt.NDArray[np.float32], Type(name=NDARRAY, dtype="float32")),
    (npt.NDArray[Any], Type(name=NDARRAY)),
    (np.ndarray[Any, np.dtype[np.int64]], Type(name=NDARRAY, dtype="int64")),
    (
        np.ndarray[tuple[int, int], np.dtype[np.float32]],
        Type(name=NDARRAY, dtype="float32", shape="(int, int)"),
    ),
    (
        np.ndarray[tuple[Literal[3]], np.dtype[np.floating[Any]]],
        Type(name=NDARRAY, dtype="floating", shape="(3,)"),
    ),
    (np.ndarray[tuple[int, ...], np.dtype[np.int8]], Type(name=NDARRAY, dtype="int8")),
    (Annotated[torch.Tensor, "float16"], Type(name=TENSOR, dtype="float16")),
    (
        Annotated[torch.Tensor, "batch seq", "bfloat16", pydantic.Field(description="x")],
        Type(name=TENSOR, dtype="bfloat16", shape="batch seq"),
    ),
    (Annotated[torch.Tensor, {"note": 1}], Type(name=TENSOR)),
    (Shaped, Type(name=TENSOR, dtype="float32", shape="batch seq")),
    (
        jaxtyping.Float[torch.Tensor, "batch seq"],
        Type(name=TENSOR, dtype="float", shape="batch seq"),
    ),
    (jaxtyping.Int32[np.ndarray, "3 4"], Type(name=NDARRAY, dtype="int32", shape="3 4")),
    (jaxtyping.Shaped[torch.Tensor, "..."], Type(name=TENSOR, shape="...")),
]


@pytest.mark.parametrize(("hint", "expected"), ARRAYS, ids=lambda value: repr(value)[:50])
def test_dtype_and_shape_of_an_array_hint_are_told(hint: Any, expected: Type) -> None:
    found, describer = describe(hint)

    assert found == expected
    assert describer.warnings == []


def test_a_type_that_is_made_of_itself_is_described_once(
    define: Callable[..., ModuleType],
) -> None:
    module = define(
        """
        from typing import Dict, List, TypedDict, Union
        import pydantic
        from typing_extensions import TypeAliasType

        Json = TypeAliasType("Json", "dict[str, Json] | list[Json] | str")
        One = TypeAliasType("One", "list[Other] | None")
        Other = TypeAliasType("Other", "dict[str, One]")
        Tree = Union[int, List["Tree"], Dict[str, "Tree"]]

        class Folder(TypedDict, total=False):
            files: list[str]
            folders: "dict[str, Folder]"

        class Model(pydantic.BaseModel):
            inner: "Model | None" = None
            json_value: Json = "x"

        def f(json: Json, one: One, other: Other, tree: Tree, folder: Folder, model: Model): ...
        """
    )
    signature = Signature(module.f)
    schema = build_schema("tools", "", {"f": signature}, TypeNames())

    assert schema.warnings == []
    aliases = {each.name: each for each in schema.types if each.kind == NamedType.ALIAS}
    assert set(aliases) == {"Json", "One", "Tree"}
    tree = aliases["Tree"].fields[0].type
    itself = Type(name="Tree", named=True)
    assert tree == described(
        "union", INT, described("list", itself), described("dict", STR, itself)
    )
    (function,) = schema.functions
    checker = ArgumentChecker("f", signature.parameters, signature.hints)
    deep: Any = {"json": {"a": ["b"]}, "one": [{"a": None}], "other": {"a": None}}
    deep |= {"tree": [1, {"a": [2]}], "folder": {"folders": {"a": {"files": ["b"]}}}}
    checker.check([], {**deep, "model": module.Model(inner=module.Model())})
    args, _ = signature.from_json.read(json.dumps({**deep, "model": {"inner": {}}}), lambda n: n)
    assert (args[:5], args[5].inner.json_value) == (list(deep.values()), "x")
    with pytest.raises(ArgumentsError, match="tree"):
        checker.check([], {**deep, "tree": [1, {"a": ["x"]}], "model": module.Model()})
    assert json.loads(function.input_schema)["$defs"].keys() >= {"Folder", "Json", "Model", "Tree"}


@pytest.mark.parametrize(
    "hint",
    [
        *(Odd, Callable[[int], str], type[int], collections.abc.Iterator[int], torch.dtype),
        # What people write by mistake.
        *([int], {"a": int}, (int, str), 5, any, callable, np.array, torch.tensor),
        functools.partial(print),
    ],
    ids=lambda hint: repr(hint)[:30],
)
def test_what_has_no_description_is_any_with_a_warning(hint: object) -> None:
    found, describer = describe(hint)

    assert found == ANY
    assert len(describer.warnings) == 1
    assert describer.warnings[0].startswith("here: ")


def test_what_has_no_description_is_any_inside_another_type_too() -> None:
    found, describer = describe(dict[str, Odd])

    assert found == described("dict", STR, ANY)
    assert "Odd" in describer.warnings[0]


def test_an_alias_of_itself_is_a_type_of_its_own() -> None:
    alias = named(pydantic.JsonValue)

    assert alias.kind == NamedType.ALIAS
    (value,) = alias.fields
    assert value.type.name == "union"
    assert described("list", Type(name="JsonValue", named=True)) in value.type.arguments


# Named types --------------------------------------------------------------------------------


def test_a_dataclass_has_its_fields_defaults_and_doc() -> None:
    node = named(Node)

    assert (node.kind, node.doc) == (NamedType.DATACLASS, "A node.\n\nWith children.")
    assert [each.name for each in node.fields] == ["value", "children", "parent", "color"]
    assert [each.HasField("default") for each in node.fields] == [False, True, True, True]
    assert [each.default.text for each in node.fields[1:]] == ["[]", "None", "Color.RED"]
    assert node.fields[1].type == described("list", Type(name="Node", named=True))


def test_types_that_fields_name_are_described_too() -> None:
    _, describer = describe(list[Node])

    assert [each.name for each in describer.named_types] == ["Color", "Node"]


def test_an_enum_has_its_members_and_aliases() -> None:
    color = named(Color)

    assert (color.kind, color.doc) == (NamedType.ENUM, "The colours.")
    assert [(each.name, each.value) for each in color.members] == [
        ("RED", "1"),
        ("CRIMSON", "1"),
        ("BLUE", "'blue'"),
    ]


def test_a_named_tuple_has_its_fields_and_defaults() -> None:
    span = named(Span)

    assert span.kind == NamedType.NAMED_TUPLE
    assert [(each.name, each.default.text) for each in span.fields] == [
        ("start", ""),
        ("end", "-1"),
    ]


def test_a_typed_dictionary_tells_which_keys_may_be_missing() -> None:
    options = named(Options)

    assert options.kind == NamedType.TYPED_DICT
    assert {each.name: each.optional for each in options.fields} == {
        "name": True,
        "depth": False,
        "seed": True,
    }
    assert all(each.type.name in ("str", "int") for each in options.fields)


def test_a_typed_dictionary_may_have_keys_that_are_no_names() -> None:
    headers = named(Headers)

    assert headers.kind == NamedType.TYPED_DICT
    assert {each.name: each.optional for each in headers.fields} == {
        "content-type": False,
        "from": True,
        "": False,
    }
    assert headers.fields[1].type == described("list", Type(name="Headers", named=True))


def test_a_typed_dictionary_with_keys_that_are_no_text_is_any_with_a_warning() -> None:
    numbered = vars(typing)["TypedDict"]("numbered", {"a": int, "\ud800": int})

    found, describer = describe(numbered)

    assert found == ANY
    assert len(describer.warnings) == 1


def test_a_pydantic_model_has_its_fields_and_defaults() -> None:
    settings = named(Settings)

    assert settings.kind == NamedType.DATACLASS
    assert [(each.name, each.type.name) for each in settings.fields] == [
        ("size", "int"),
        ("names", "list"),
        ("ratio", "float"),
    ]
    assert [each.default.text for each in settings.fields] == ["", "[]", "0.5"]


@pytest.mark.parametrize("cls", [Level, Access, Pair, Span, Partial, Settings])
def test_a_class_without_a_docstring_has_no_doc(cls: type) -> None:
    assert named(cls).doc == ""


def test_classes_of_one_name_are_two_types(define: Callable[..., ModuleType]) -> None:
    source = "import enum\nclass Color(enum.Enum):\n    GREEN = 3"
    other = define(source, "elsewhere").Color

    found, describer = describe(tuple[Color, other])  # type: ignore[valid-type]

    assert [each.name for each in found.arguments] == ["Color", "Color_2"]
    assert [each.name for each in describer.named_types] == ["Color", "Color_2"]


def test_a_field_whose_hint_cannot_be_resolved_is_any_with_a_warning(
    define: Callable[..., ModuleType],
) -> None:
    module = define(
        """
        from __future__ import annotations
        from dataclasses import dataclass

        @dataclass
        class Holder:
            known: int
            unknown: Missing
        """
    )

    found, describer = describe(module.Holder)

    assert found.name == "Holder"
    assert [each.name for each in next(iter(describer.named_types)).fields] == ["known", "unknown"]
    assert any("Missing" in warning for warning in describer.warnings)


# Defaults -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, -1, 10**30, 0.5, -0.0, 1e-300, "text", 'it\'s "quoted"\n\\', b"\0"),
        *(1j, -1 + 2j, (), (1,), [1, [2]], {"a": {1: None}}, {1}, set()),
    ],
    ids=repr,
)
def test_a_default_that_can_be_written_down_is_literal(value: object) -> None:
    default = TypeDescriber(TypeNames()).describe_default(value)

    assert default == Default(text=repr(value), is_literal=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float("inf"), "float('inf')"),
        (float("-inf"), "float('-inf')"),
        (float("nan"), "float('nan')"),
        ([1.0, float("inf")], "[1.0, float('inf')]"),
        ({"b", "a"}, "{'a', 'b'}"),
        (Color.RED, "Color.RED"),
        (Color.CRIMSON, "Color.RED"),
        (Level.LOW, "Level.LOW"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_special_numbers_and_members_are_literal(value: object, text: str) -> None:
    default = TypeDescriber(TypeNames()).describe_default(value)

    assert default == Default(text=text, is_literal=True)


class Loud(str):
    """A subclass whose instances look like literals."""


@pytest.mark.parametrize(
    "value",
    [
        *(torch.float16, ..., frozenset({1}), range(3), Odd, print, [Color.RED], {1: Odd}),
        *(Loud("loud"), np.float64(1), np.arange(3), torch.ones(2), Access.READ | Access.WRITE),
        *(pathlib.Path("/tmp"), dt.date(2020, 1, 1), Span(1)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_default_that_only_the_server_can_make_is_not_literal(value: object) -> None:
    assert TypeDescriber(TypeNames()).describe_default(value) == Default(text="...")


# Docs of fields ------------------------------------------------------------------------------


class Documented(TypedDict):
    """Options.

    Attributes:
        depth: How deep.
        seed: Ignored.
    """

    depth: int
    seed: Annotated[int, pydantic.Field(description="Where to begin.")]


class Model(pydantic.BaseModel):
    """A model.

    Parameters
    ----------
    size : int
        How large.
    """

    size: int
    name: str = pydantic.Field(default="", description="How it is called.")


class Derived(Model):
    more: typing_extensions.Annotated[int, typing_extensions.Doc("As many.")] = 1


@pytest.mark.parametrize(
    ("cls", "docs"),
    [
        (Documented, ["How deep.", "Where to begin."]),
        (Model, ["How large.", "How it is called."]),
        (Derived, ["How large.", "How it is called.", "As many."]),
        (Span, ["", ""]),
    ],
)
def test_fields_have_their_docs(cls: type, docs: list[str]) -> None:
    assert [each.doc for each in named(cls).fields] == docs
