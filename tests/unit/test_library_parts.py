"""Parts of generated libraries: groups, aliases, arrays, defaults, options; and what is refused."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from seer_rpc.client import SERVER_DEFAULT
from seer_rpc.errors import ConfigError
from seer_rpc.generators import library_files
from seer_runtime.wire.pb.interface_pb2 import (
    Default,
    ExceptionType,
    Field,
    Function,
    Group,
    InterfaceSchema,
    Member,
    NamedType,
    Parameter,
    Type,
)

ANY, INT, TEXT = Type(name="any"), Type(name="int"), Type(name="str")
Import = Callable[[InterfaceSchema], ModuleType]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Import:
    """Import the library of a schema."""

    def import_library(schema: InterfaceSchema) -> ModuleType:
        (tmp_path / "a_library").mkdir()
        for file, source in library_files(schema).items():
            (tmp_path / "a_library" / file).write_text(source, encoding="utf-8")
        for module in [name for name in sys.modules if name.partition(".")[0] == "a_library"]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.syspath_prepend(tmp_path)
        importlib.import_module("a_library.aio")
        return importlib.import_module("a_library")

    return import_library


def method(name: str, group: str = "Steering", **parts: Any) -> Function:
    return Function(name=f"{group}.{name}", group=group, **{"result": ANY, **parts})


def function(name: str = "f", *parameters: Parameter, **parts: Any) -> Function:
    return Function(name=name, parameters=parameters, **{"result": ANY, **parts})


def schema(*functions: Function, **parts: Any) -> InterfaceSchema:
    return InterfaceSchema(name="tools", functions=functions or [function()], **parts)


def test_a_group_is_a_class_of_static_methods_in_both_modules(library: Import) -> None:
    made: Any = library(
        schema(
            method("set_strength", doc="Set it.", result=INT),
            function("reset"),
            method("items", is_stream=True, result=INT),
            groups=[Group(name="Steering", doc="Steers."), Group(name="Unused")],
        )
    )

    assert made.__all__ == ["Steering", "reset", "with_options"]
    for module in (made, made.aio):
        assert module.Steering.__doc__ == "Steers."
        assert module.Steering.set_strength.__doc__ == "Set it."
        members = vars(module.Steering)
        own = [name for name in members if not name.startswith("__")]
        assert own == ["set_strength", "items"]
        assert all(isinstance(members[name], staticmethod) for name in own)
    assert inspect.iscoroutinefunction(made.aio.Steering.set_strength)
    assert not inspect.iscoroutinefunction(made.Steering.set_strength)
    assert made.aio.Steering.items.__annotations__["return"].endswith("AsyncIterator[int]")


def test_a_method_is_called_by_its_whole_name() -> None:
    source = library_files(schema(method("go")))["__init__.py"]

    called = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    assert any(ast.unparse(each).startswith("_remote.call('Steering.go'") for each in called)


def test_an_alias_may_speak_of_itself(library: Import) -> None:
    json = Type(name="Json", named=True)
    meant = Type(
        name="union", arguments=[Type(name="list", arguments=[json]), TEXT, Type(name="none")]
    )
    made: Any = library(
        schema(
            function("f", Parameter(name="value", type=json)),
            types=[
                NamedType(
                    name="Json",
                    kind=NamedType.ALIAS,
                    doc="What JSON holds.",
                    fields=[Field(name="value", type=meant)],
                )
            ],
        )
    )

    assert made.Json == "list[Json] | str | None"
    assert made.f.__annotations__["value"] == "Json"
    assert "Json" in made.__all__
    # No value is ever one of it.
    assert not vars(made._remote)["_types"]


@pytest.mark.parametrize(
    ("dtype", "annotation"),
    [
        ("float32", "_numpy_typing.NDArray[_numpy.float32]"),
        ("uint8", "_numpy_typing.NDArray[_numpy.uint8]"),
        ("bool", "_numpy_typing.NDArray[_numpy.bool_]"),
        ("", "_numpy.ndarray[Any, Any]"),
        ("bfloat16", "_numpy.ndarray[Any, Any]"),
        ("float32]; import os", "_numpy.ndarray[Any, Any]"),
    ],
)
def test_an_array_says_its_dtype_where_numpy_has_one(
    library: Import, dtype: str, annotation: str
) -> None:
    array = Type(name="numpy.ndarray", dtype=dtype, shape="batch 3")

    made: Any = library(schema(function("f", result=array)))

    assert made.f.__annotations__["return"] == annotation


def test_a_default_of_the_servers_shows_its_source(library: Import) -> None:
    defaults = {
        "a": Default(text="torch.float16"),
        "b": Default(text="..."),
        "c": Default(text=""),
        "d": Default(text="not a literal", is_literal=True),
        "e": Default(text="'text'", is_literal=True),
    }
    parameters = [Parameter(name=n, type=ANY, default=d) for n, d in defaults.items()]

    made: Any = library(schema(function("f", *parameters)))

    given = inspect.signature(made.f).parameters
    assert repr(given["a"].default) == "torch.float16"
    assert all(given[name].default is SERVER_DEFAULT for name in ("b", "c", "d"))
    assert given["e"].default == "text"


def test_builtins_in_values_are_builtins_whatever_is_called_so(library: Import) -> None:
    infinite = Default(text="float('inf')", is_literal=True)
    empty = Default(text="set()", is_literal=True)
    parameters = [
        Parameter(name="a", type=ANY, default=infinite),
        Parameter(name="b", type=ANY, default=empty),
    ]
    made: Any = library(
        schema(
            function("float"),
            function("set"),
            function("f", *parameters),
            method("float"),
            method("staticmethod"),
            method("g", parameters=parameters),
        )
    )

    for each in (made.f, made.Steering.g):
        given = inspect.signature(each).parameters
        assert (given["a"].default, given["b"].default) == (float("inf"), set())


def test_a_field_of_a_named_tuple_may_have_a_default_that_only_the_server_has(
    library: Import,
) -> None:
    fields = [
        Field(name="a", type=ANY, default=Default(text="1", is_literal=True)),
        Field(name="b", type=ANY, default=Default(text="now()")),
        Field(name="c", type=ANY, default=Default(text="3", is_literal=True)),
    ]

    made: Any = library(
        schema(types=[NamedType(name="Row", kind=NamedType.NAMED_TUPLE, fields=fields)])
    )

    assert made.Row(1, 2) == (1, 2, 3)


def test_options_have_a_docstring_and_a_signature_that_reads_well(library: Import) -> None:
    made: Any = library(schema())

    for module in (made, made.aio):
        assert "Seconds that a call may take" in module.with_options.__doc__
        assert str(inspect.signature(module.with_options)).startswith(
            "(*, timeout: 'float | None' = ..., on_progress: "
        )


def enumeration(*members: Member, base: str = "Enum") -> NamedType:
    return NamedType(name="Color", kind=NamedType.ENUM, base=base, members=members)


def parameters(*kinds: int, defaults: str = "") -> list[Parameter]:
    made = [Parameter(name=f"p{n}", type=ANY, kind=k) for n, k in enumerate(kinds)]  # type: ignore[arg-type]
    for each in made:
        if each.name in defaults.split():
            each.default.text = "1"
    return made


REFUSED = {
    "options": (schema(function("with_options")), "exposes 'with_options', which is what sets"),
    "class of options": (schema(types=[NamedType(name="with_options")]), "which is what sets"),
    "group of options": (schema(method("f", "with_options")), "which is what sets"),
    "module": (schema(method("f", "aio")), "which is the library's async module"),
    "group that is no name": (schema(method("f", "a-b")), "group called 'a-b', which is no Python"),
    "method that is no name": (schema(method("a b")), "function called 'a b', which is no Python"),
    "method elsewhere": (
        schema(Function(name="Other.f", group="Steering", result=ANY)),
        "called 'Other.f', which is no Python name",
    ),
    "function with a dot": (schema(function("Steering.f")), "which is no Python name"),
    "group as a function": (schema(method("f"), function("Steering")), "two things called"),
    "group as a type": (
        schema(method("f"), types=[NamedType(name="Steering")]),
        "two things called 'Steering'",
    ),
    "group as an exception": (
        schema(method("f"), exceptions=[ExceptionType(name="Steering")]),
        "two things called 'Steering'",
    ),
    "method as a type": (
        schema(method("Data"), types=[NamedType(name="Data")]),
        "'Steering.Data', which is called as a type is",
    ),
    "method twice": (schema(method("f"), method("f")), "two things called 'Steering.f'"),
    "private method": (schema(method("__f")), "'__f', which means something else inside"),
    "mangled parameter": (
        schema(method("f", parameters=[Parameter(name="__x", type=ANY)])),
        "parameter called '__x', which means something else inside",
    ),
    "mangled field": (
        schema(types=[NamedType(name="A", fields=[Field(name="__x", type=ANY)])]),
        "field called '__x', which means something else inside",
    ),
    "field twice": (
        schema(types=[NamedType(name="A", fields=[Field(name="x", type=ANY)] * 2)]),
        "two things called 'x'",
    ),
    "name of Python's": (schema(function("__getattr__")), "means something to Python itself"),
    "debug": (schema(function("f", Parameter(name="__debug__", type=ANY))), "is no Python name"),
    "alias of nothing": (schema(types=[NamedType(name="A", kind=NamedType.ALIAS)]), "no type"),
    "member that enums have": (
        schema(types=[enumeration(Member(name="mro", value="1"))]),
        "type 'Color' cannot be: ",
    ),
    "text in an IntEnum": (
        schema(types=[enumeration(Member(name="RED", value="'red'"), base="IntEnum")]),
        "type 'Color' cannot be: ",
    ),
    "member twice": (
        schema(types=[enumeration(*[Member(name="RED", value="1")] * 2)]),
        "two things called 'RED'",
    ),
    "tuple's private field": (
        schema(
            types=[
                NamedType(
                    name="Row", kind=NamedType.NAMED_TUPLE, fields=[Field(name="_x", type=ANY)]
                )
            ]
        ),
        "type 'Row' cannot be: ",
    ),
    "unknown type": (
        schema(function("f", result=Type(name="os.system('x')", named=True))),
        "unknown type",
    ),
    "no types at all": (schema(function("f", result=Type(name="union"))), "union of no types"),
    "dots": (schema(function("f", result=Type(name="..."))), "unknown type"),
    "too many types": (
        schema(function("f", result=Type(name="list", arguments=[INT, INT]))),
        "gives list 2 arguments; it takes 1",
    ),
    "parameter twice": (
        schema(function("f", *[Parameter(name="x", type=ANY)] * 2)),
        r"f\(\) cannot be: duplicate parameter",
    ),
    "wrong order": (schema(function("f", *parameters(2, 0))), "cannot be: wrong parameter order"),
    "two stars": (schema(function("f", *parameters(3, 3))), "two parameters that take all"),
    "default before none": (
        schema(function("f", *parameters(0, 0, defaults="p0"))),
        "cannot be: non-default argument follows default",
    ),
    "default of the rest": (
        schema(function("f", *parameters(3, defaults="p0"))),
        "variadic positional parameters cannot have default values",
    ),
    "no time": (schema(function("f", timeout=-1.0)), r"f\(\) has a timeout of -1.0 s"),
    "endless time": (schema(function("f", timeout=float("inf"))), "timeout of inf s"),
    "time that is none": (schema(function("f", timeout=float("nan"))), "timeout of nan s"),
}


@pytest.mark.parametrize(("refused", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_with_the_reason(refused: InterfaceSchema, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        library_files(refused)
