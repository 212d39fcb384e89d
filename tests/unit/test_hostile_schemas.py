"""Schemas of all kinds, hostile ones too: refused, or a library that is no more than they are."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from seer_rpc.client import SERVER_DEFAULT
from seer_rpc.errors import ConfigError, RemoteError
from seer_rpc.generators import library_files
from seer_rpc.generators.names import is_name
from seer_runtime.literals import source_of
from seer_runtime.wire.pb.interface_pb2 import (
    Default,
    ExceptionType,
    Field,
    Function,
    InterfaceSchema,
    Member,
    NamedType,
    Parameter,
    Type,
)

CODE = [
    "__import__('os').system('x')",
    "[__import__('os').system('x')]",
    "{**__import__('os').system('x')}",
    "float(__import__('os').system('x'))",
    "float('inf', __import__('os').system('x'))",
    "set(__import__('os').system('x'))",
    "(lambda: __import__('os').system('x'))()",
    "f\"{__import__('os').system('x')}\"",
    "[1 for _ in __import__('os').system('x')]",
    "(x := __import__('os').system('x'))",
    "1)\n__import__('os').system('x')\n(1",
    "Color.__class__.system",
    "os.system",
]
TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.text(st.sampled_from("\"'\\\n\r\t {}#\0\f:;()x"), max_size=12),
    st.sampled_from(
        [
            *CODE,
            '"""\nimport os\n"""',
            "'''",
            "\\",
            '\\"""',
            "\\N{DASH}",
            "x\u2028y\x85z\x0c",
            "# fmt: off\n",
            "# fmt: skip",
            "\ufeff# -*- coding: utf-7 -*-",
            "x" * 300,
        ]
    ),
)
HOSTILE_NAME = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(
        [
            *("class", "None", "a-b", "a.b", "a b", "a\n", "", "__import__('os')", "*", "1"),
            *("f(): pass\nimport os\ndef g", "x=__import__('os').system('x')", "x, y", "x: int"),
            *("__debug__", "__file__", "__all__", "__getattr__", "__x", "aio", "with_options"),
            # Other spellings of f and fi.
            *("\U0001d523", "\ufb01"),
        ]
    ),
)
NAME = st.one_of(
    st.sampled_from(
        [
            *("f", "g", "größe", "名前", "match", "_", "_x", "self", "cls", "args", "kwargs"),
            *("print", "list", "dict", "float", "set", "str", "int", "type", "staticmethod"),
            *("remote", "_remote", "_remote_", "_result", "SERVER_DEFAULT", "annotations"),
            *("Any", "Literal", "TYPE_CHECKING", "typing", "_typing", "builtins", "_builtins"),
            *("dataclasses", "_dataclasses", "enum", "_enum", "contextlib", "_contextlib"),
            *("timeout", "on_progress", "name", "value", "mro", "RemoteError", "Exception"),
            *("_seer_rpc_client", "_collections_abc", "NDArray", "numpy", "torch", "Color"),
        ]
    ),
    st.text("abcxyz_", min_size=1, max_size=6),
)


def names(hostility: int) -> st.SearchStrategy[str]:
    """Give names, of which one in so many is hostile; none where it is 0."""
    if not hostility:
        return NAME
    return st.integers(1, hostility).flatmap(lambda n: HOSTILE_NAME if n == 1 else NAME)


VALUE = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.binary()
    ),
    lambda each: st.one_of(
        st.lists(each, max_size=3),
        st.dictionaries(st.text(max_size=3), each, max_size=3),
        st.tuples(each, each),
    ),
    max_leaves=6,
)
DEFAULT = st.one_of(
    VALUE.map(lambda value: Default(text=source_of(value), is_literal=True)),
    st.builds(Default, text=TEXT, is_literal=st.booleans()),
)
KNOWN = ["int", "str", "any", "none", "list", "dict", "tuple", "numpy.ndarray", "torch.Tensor"]
LEAF = st.one_of(
    st.builds(Type, name=st.sampled_from([*KNOWN, "datetime.datetime", "seer_rpc.client.Ref"])),
    st.builds(Type, name=st.just("numpy.ndarray"), dtype=st.sampled_from(["float32", *CODE])),
    st.builds(
        Type,
        name=st.just("literal"),
        literals=st.lists(st.one_of(VALUE.map(source_of), TEXT), max_size=3),
    ),
)
# One in many is none: it spoils the whole schema.
ODD_TYPE = st.builds(
    Type, name=st.one_of(TEXT, st.sampled_from(["union", "..."])), named=st.booleans()
)
HINT = st.integers(0, 100).flatmap(
    lambda n: (
        ODD_TYPE
        if n == 1
        else st.recursive(
            LEAF,
            lambda each: st.one_of(
                st.builds(
                    Type, name=st.just("list"), arguments=st.lists(each, min_size=1, max_size=1)
                ),
                st.builds(
                    Type, name=st.just("union"), arguments=st.lists(each, min_size=1, max_size=3)
                ),
                st.builds(Type, name=st.just("tuple"), arguments=st.lists(each, max_size=3)),
            ),
            max_leaves=4,
        )
    )
)


@st.composite
def parameters(draw: st.DrawFn, name: st.SearchStrategy[str]) -> list[Parameter]:
    """Give parameters in an order in which they can be, most of the time."""
    found = draw(st.lists(st.builds(Parameter, name=name, type=HINT, doc=TEXT), max_size=4))
    kinds = draw(st.lists(st.sampled_from([1, 0, 3, 2, 4]), min_size=4, max_size=4))
    in_order = sorted(kinds, key=[1, 0, 3, 2, 4].index) if draw(st.integers(0, 19)) else kinds
    has_default = False
    for parameter, kind in zip(found, in_order, strict=False):
        parameter.kind = kind  # type: ignore[assignment]
        has_default = kind not in (3, 4) and (has_default or draw(st.booleans()))
        if has_default:
            parameter.default.CopyFrom(draw(DEFAULT))
    return found


@st.composite
def functions(draw: st.DrawFn, name: st.SearchStrategy[str]) -> Function:
    """Give a function, inside of a group or outside of one."""
    group = draw(st.one_of(st.just(""), name))
    own = draw(name)
    return Function(
        name=f"{group}.{own}" if group else own,
        group=group,
        doc=draw(TEXT),
        parameters=draw(parameters(name)),
        result=draw(HINT),
        is_stream=draw(st.booleans()),
        timeout=draw(st.sampled_from([0.0] * 20 + [1.5, -1.0, float("nan"), float("inf")])),
    )


@st.composite
def named_types(draw: st.DrawFn, name: st.SearchStrategy[str]) -> NamedType:
    """Give a type of any kind."""
    kind = draw(st.sampled_from(NamedType.Kind.values()))
    described = NamedType(name=draw(name), kind=kind, doc=draw(TEXT))
    if kind == NamedType.ENUM:
        described.base = draw(st.sampled_from(["Enum"] * 20 + ["IntEnum", "StrEnum", "os"]))
        values = st.one_of(VALUE.map(source_of), TEXT)
        described.members.extend(
            draw(st.lists(st.builds(Member, name=name, value=values), max_size=3))
        )
        return described
    one = 1 if kind == NamedType.ALIAS else 0
    fields = st.builds(
        Field,
        name=name,
        type=HINT,
        default=st.one_of(st.none(), DEFAULT),
        optional=st.booleans(),
        computed=st.booleans(),
    )
    described.fields.extend(draw(st.lists(fields, min_size=one, max_size=one or 3)))
    described.frozen = draw(st.booleans())
    return described


@st.composite
def schemas(draw: st.DrawFn) -> InterfaceSchema:
    """Give a schema; most have no hostile name in them, and nothing else that spoils them."""
    name = names(draw(st.sampled_from([0, 0, 0, 6])))
    bases = st.builds(Type, name=st.one_of(st.sampled_from(["ValueError", "OSError"]), name))
    exceptions = st.builds(
        ExceptionType, name=name, doc=TEXT, qualified_name=TEXT, bases=st.lists(bases, max_size=2)
    )
    return InterfaceSchema(
        name=draw(TEXT),
        doc=draw(TEXT),
        hash=draw(TEXT),
        functions=draw(st.lists(functions(name), min_size=1, max_size=3)),
        types=draw(st.lists(named_types(name), max_size=2)),
        exceptions=draw(st.lists(exceptions, max_size=2)),
    )


def skeleton(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Give what statements define, by its kind, name and parameters."""
    for each in body:
        match each:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield f"def {each.name}({', '.join(_arguments(each.args))})"
            case ast.ClassDef():
                yield f"class {each.name}"
                yield from (f"{each.name}.{line}" for line in skeleton(each.body))
            case ast.AnnAssign(ast.Name(name)) | ast.Assign([ast.Name(name)]):
                yield f"{name} ="
            case ast.Expr(ast.Constant(str())) | ast.Pass():
                pass
            case ast.Import() | ast.ImportFrom() | ast.If():
                assert _is_import(each), ast.unparse(each)
            case _:
                raise AssertionError(ast.unparse(each))


def _arguments(arguments: ast.arguments) -> Iterator[str]:
    ordered = [*arguments.posonlyargs, *arguments.args, arguments.vararg, *arguments.kwonlyargs]
    yield from (each.arg for each in (*ordered, arguments.kwarg) if each is not None)


def _is_import(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.If):
        assert ast.unparse(statement.test).strip("_").endswith("TYPE_CHECKING")
        return all(isinstance(each, ast.Import) for each in statement.body) and not statement.orelse
    return isinstance(statement, ast.Import | ast.ImportFrom)


def described_functions(schema: InterfaceSchema) -> Iterator[str]:
    """Give the skeleton of the functions that a schema describes."""
    groups: dict[str, list[str]] = {}
    parts: list[list[str]] = []
    for function in schema.functions:
        given = ", ".join(parameter.name for parameter in function.parameters)
        own = function.name.removeprefix(f"{function.group}.") if function.group else function.name
        if not function.group:
            parts.append([f"def {own}({given})"])
            continue
        if function.group not in groups:
            groups[function.group] = [f"class {function.group}"]
            parts.append(groups[function.group])
        groups[function.group].append(f"{function.group}.def {own}({given})")
    yield from itertools.chain(*parts)


def has_odd_keys(described: NamedType) -> bool:
    """Tell a typed dictionary that no class statement could define."""
    keys = [field.name for field in described.fields if described.kind == NamedType.TYPED_DICT]
    return not all(is_name(key) and not key.startswith("__") for key in keys)


def described_types(schema: InterfaceSchema) -> Iterator[str]:
    """Give the skeleton of the types that a schema describes; aliases come after classes."""
    for each in sorted(schema.types, key=lambda named: named.kind == NamedType.ALIAS):
        if each.kind == NamedType.ALIAS or has_odd_keys(each):
            yield f"{each.name} ="
            continue
        yield f"class {each.name}"
        yield from (f"{each.name}.{field.name} =" for field in each.fields)
        yield from (f"{each.name}.{member.name} =" for member in each.members)
    yield from (f"class {each.name}" for each in schema.exceptions)


_CALLED = (
    *("remote.call", "remote.call_async", "remote.stream_async", "remote.with_options"),
    *("float", "builtins.float", "set", "builtins.set", "dataclasses.field"),
    *("dataclasses.dataclass", "seer_rpc_client.RemoteInterface"),
    *("seer_rpc_client.server_default", "typing.TypedDict"),
)
_OTHER_NODES = (
    *(ast.Lambda, ast.BinOp, ast.BitOr, ast.UnaryOp, ast.USub, ast.Add, ast.Sub, ast.Constant),
    *(ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Starred, ast.Subscript, ast.Name, ast.Attribute),
    *(ast.Call, ast.keyword, ast.arguments, ast.arg, ast.alias, ast.Load, ast.Store, ast.Await),
    *(ast.Return, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.AnnAssign, ast.Assign),
    *(ast.Expr, ast.Pass, ast.Import, ast.ImportFrom, ast.If, ast.Module),
)


def assert_nothing_else(files: dict[str, str], schema: InterfaceSchema) -> None:
    """Check that the modules define what the schema names, and do nothing else."""
    options = "def with_options(timeout, on_progress)"
    for file in ("__init__.py", "aio.py"):
        body = ast.parse(files[file]).body
        assert list(skeleton(body)) == ["__all__ =", *described_functions(schema), options]
        for function in ast.walk(ast.Module(body, [])):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                assert len(function.body) <= 3
                decorators = [ast.unparse(each) for each in function.decorator_list]
                assert all(each.rpartition(".")[2] == "staticmethod" for each in decorators)
    *types, remote = skeleton(ast.parse(files["_remote.py"]).body)
    assert types == list(described_types(schema))
    # Where a class has the name it gets underscores, at either end.
    assert remote.removesuffix(" =").strip("_") == "remote"
    for source in files.values():
        for node in ast.walk(ast.parse(source)):
            assert isinstance(node, _OTHER_NODES), ast.dump(node)
            if isinstance(node, ast.Call):
                # Our own names have underscores before and behind them.
                called = re.sub(r"^_|_+(?=\.)", "", ast.unparse(node.func))
                assert called in _CALLED, ast.unparse(node)


_NUMBERS = itertools.count()


def imported(files: dict[str, str]) -> ModuleType:
    """Import a library, and forget that it was there."""
    name = f"hostile_{next(_NUMBERS)}"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).mkdir()
        for file, source in files.items():
            (Path(folder) / name / file).write_text(source, encoding="utf-8")
        sys.path.insert(0, folder)
        try:
            importlib.import_module(f"{name}.aio")
            return importlib.import_module(name)
        finally:
            sys.path.remove(folder)
            for module in [each for each in sys.modules if each.partition(".")[0] == name]:
                del sys.modules[module]


def lines(doc: str | None) -> list[str]:
    """Give a docstring's lines; formatters own their white space."""
    text = inspect.cleandoc(doc or "").strip()
    return [re.sub(r"[ \t]+", " ", line.strip()) for line in text.splitlines()]


def assert_it_says_what_the_schema_says(library: ModuleType, schema: InterfaceSchema) -> None:
    """Check docstrings and defaults as Python sees them."""
    assert lines(library.__doc__) == lines(schema.doc)
    for function in schema.functions:
        owner = vars(library)[function.group] if function.group else library
        found = getattr(owner, function.name.removeprefix(f"{function.group}."))
        assert lines(found.__doc__) == lines(function.doc)
        given = inspect.signature(found).parameters.values()
        for parameter, described in zip(given, function.parameters, strict=True):
            assert_default(parameter, described)
    for each in schema.types:
        # What is assigned has its text behind it.
        if each.kind != NamedType.ALIAS and not has_odd_keys(each) and each.doc.strip():
            assert lines(vars(library)[each.name].__doc__) == lines(each.doc)
    for exception in schema.exceptions:
        assert issubclass(vars(library)[exception.name], RemoteError)


def assert_default(parameter: inspect.Parameter, described: Parameter) -> None:
    assert parameter.name == described.name
    if not described.HasField("default"):
        assert parameter.default is parameter.empty
        return
    text, found = described.default.text, parameter.default
    if type(found) is type(SERVER_DEFAULT):
        # Nothing that is no literal is shown as if it were one.
        is_shown = not described.default.is_literal and text not in ("", "...")
        assert repr(found) == (text if is_shown else "...")
        return
    assert described.default.is_literal
    meant = eval(text, {"float": float, "set": set})
    assert (type(found), repr(found)) == (type(meant), repr(meant))


@pytest.mark.parametrize("key", ["a-b", "class", "__x", "'\\n'", "__import__('os').system('x')"])
def test_a_key_that_is_no_name_is_no_more_than_a_key(key: str) -> None:
    fields = [Field(name=key, type=Type(name="int"), optional=True)]
    named = NamedType(name="Keys", kind=NamedType.TYPED_DICT, doc="Any.", fields=fields)
    function = Function(name="f", result=Type(name="Keys", named=True))
    schema = InterfaceSchema(functions=[function], types=[named])

    files = library_files(schema)

    assert_nothing_else(files, schema)
    assert_it_says_what_the_schema_says(imported(files), schema)


def test_a_schema_is_refused_or_its_library_is_no_more_than_it() -> None:
    outcomes = Counter[str]()

    # To shrink a whole schema takes minutes.
    @settings(max_examples=100, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(schemas())
    def check(schema: InterfaceSchema) -> None:
        try:
            files = library_files(schema)
        except ConfigError:
            outcomes["refused"] += 1
            return
        outcomes["made"] += 1
        assert_nothing_else(files, schema)
        assert_it_says_what_the_schema_says(imported(files), schema)

    check()

    assert outcomes["made"] > 10
    assert outcomes["refused"] > 10
