"""Generated libraries: they are what the interface is, they check, they import; no more."""

from __future__ import annotations

import ast
import builtins
import copy
import dataclasses
import datetime as dt
import enum
import importlib
import inspect
import pickle
import subprocess
import sys
import textwrap
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

import pytest

from seer_rpc.client import SERVER_DEFAULT, RemoteInterface
from seer_rpc.errors import ConfigError, RemoteError
from seer_rpc.generators import library_docs, library_files
from seer_runtime.exceptions import find_exceptions
from seer_runtime.schema import Signature, build_schema
from seer_runtime.wire.codec import Codec
from seer_runtime.wire.outline import signature
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
from seer_runtime.wire.records import TypeNames

# Interfaces that are tricky, each in one way.
SOURCES = {
    "kinds": """
        def every(
            a: int, b: int = 1, /, c: str = "x", *rest: float, d: bool, e: int | None = None,
            **more: str,
        ) -> tuple[int, ...]: ...
        def positional(a: int, b: int = 2, /) -> int: ...
        def keyword(*, a: int, b: int = 3) -> int: ...
        def mixed(a: int, b: int = 2, *, c: int, d: int = 4) -> dict[str, list[int | None]]: ...
        def rest_only(*values: int) -> list[int]: ...
        def names_only(**values: int) -> dict[str, int]: ...
        def nothing() -> None: ...
        def untyped(a, b=1): ...
        async def later(text: str) -> str: ...
        """,
    "builtin_names": """
        import builtins

        def list(int: builtins.int, str: builtins.str = "x") -> dict[builtins.str, float]: ...
        def print(*args: builtins.int, **kwargs: builtins.str) -> None: ...
        def bool(bool: builtins.bool = True) -> builtins.bool: ...
        def lists(a: builtins.list[builtins.int]) -> builtins.list[builtins.list[builtins.str]]: ...
        def type(object: bytes, float: float = float("inf")) -> set[bytes]: ...
        """,
    "own_names": """
        from typing import Literal

        def remote(result: str, remote: int, self: float, cls: int) -> str: ...
        def call(_remote: int, _result: int, __file__: int = 1) -> list[int]: ...
        def SERVER_DEFAULT(args: int, kwargs: int, TYPE_CHECKING: int) -> dict[str, int]: ...
        def Any(Any, typing=None): ...
        def literals(value: Literal["a", 1, None], __all__: int = 0) -> Literal[b"x"]: ...
        def _private(_: int = 0) -> int: ...
        """,
    "name_of_the_future": """
        def annotations(annotations: int) -> int: ...
        """,
    "keyword_like": """
        def match(case: int, type: str, _: int) -> int: ...
        def größe(länge: int = 1) -> int: ...
        def run(async_: int, from_: str = "") -> str: ...
        """,
    "defaults": """
        import enum
        import pathlib
        from dataclasses import dataclass
        import torch

        class Color(enum.Enum):
            RED = 1
            BLUE = "blue"

        def texts(
            a: str = "", b: str = "it's \\"quoted\\"", c: str = "\\n\\t\\\\ {x} 🧀 \\0 \\ud800"
        ) -> None: ...
        def numbers(
            a: int = -1, b: float = -0.0, c: float = 1e-300, d: complex = 1 - 2j, e: int = 10**30
        ) -> None: ...
        def special(
            a: float = float("inf"), b: float = float("-inf"), c: float = float("nan")
        ) -> None: ...
        def members(a: Color = Color.RED, b: Color | None = Color.BLUE) -> Color: ...
        def containers(
            a: list[int] = [1], b: dict[str, tuple[int, ...]] = {"a": (1,)}, c: set[int] = {1},
            d: set[int] = set(), e: tuple[()] = (),
        ) -> None: ...
        def others(
            a: bytes = b"\\0'", b: bool = False, c: None = None, d: int | None = None
        ) -> None: ...
        def servers(
            a: int, b: pathlib.Path = pathlib.Path("/x"), *,
            d: float = 1.0, dtype=torch.float16,
        ) -> None: ...
        """,
    "named_types": """
        from __future__ import annotations
        import datetime, decimal, enum, pathlib, uuid
        from collections.abc import Iterable, Mapping, Sequence
        from dataclasses import dataclass, field
        from typing import Any, ClassVar, NamedTuple
        import numpy as np
        import pydantic
        import torch

        class Color(enum.Enum):
            '''The colours.'''
            RED = 1
            CRIMSON = 1
            BLUE = (1, "x")

        @dataclass
        class Node:
            '''A node of "a" tree.'''
            value: int
            children: list[Node] = field(default_factory=list)
            parent: Node | None = None
            color: Color = Color.RED
            created: datetime.datetime = datetime.datetime(2020, 1, 1)
            rate: float = float("inf")
            constant: ClassVar[int] = 1

        @dataclass
        class Empty:
            pass

        @dataclass(kw_only=True)
        class Named:
            first: str = ""
            second: int

        class Span(NamedTuple):
            start: int
            end: int = -1

        class Settings(pydantic.BaseModel):
            size: int
            names: list[str] = []
            node: Node | None = None

        def make(node: Node, named: Named, empty: Empty) -> dict[str, Node]: ...
        def span(span: Span = Span(1)) -> Span: ...
        def configure(settings: Settings, color: Color = Color.RED) -> Settings: ...
        def embed(texts: Sequence[str]) -> torch.Tensor: ...
        def arrays(a: np.ndarray, b: list[torch.Tensor | None]) -> Mapping[str, np.ndarray]: ...
        def times(a: datetime.datetime, b: datetime.date) -> datetime.timedelta: ...
        def others(a: uuid.UUID, b: decimal.Decimal, c: pathlib.Path) -> Iterable[pathlib.Path]: ...
        def bare(a: list, b: dict, c: tuple, d: set, e: frozenset) -> list: ...
        def anything(a: Any) -> Any: ...
        """,
    "typed_dictionaries": """
        from typing import Required, TypedDict
        from typing_extensions import NotRequired

        class Partial(TypedDict, total=False):
            name: Required[str]
            depth: int

        class Options(Partial):
            '''Options.'''
            seed: NotRequired[int]
            inner: "Options | None"

        def f(options: Options, partial: Partial) -> Options: ...
        """,
    "keys_that_are_no_names": """
        from typing import TypedDict

        Message = TypedDict("Message", {"from": str, "content-type": str, "class": int})

        def send(message: Message) -> Message: ...
        """,
    "members_that_are_no_names": """
        import enum

        Size = enum.Enum("Size", {"extra-large": 3, "small": 1})

        def fit(size: Size) -> Size: ...
        """,
    "generic_models": """
        from typing import Generic, TypeVar
        import pydantic

        T = TypeVar("T")

        class Box(pydantic.BaseModel, Generic[T]):
            content: T

        def unpack(box: Box[int]) -> Box[str]: ...
        """,
    "literal_members": """
        import enum
        from typing import Literal

        class Color(enum.Enum):
            RED = 1
            BLUE = 2

        def paint(color: Literal[Color.RED, "any"]) -> Literal[Color.BLUE]: ...
        """,
    "fields_that_hide_builtins": """
        from __future__ import annotations
        import builtins
        from dataclasses import dataclass
        from typing import NamedTuple

        @dataclass
        class Event:
            bytes: builtins.bytes
            list: builtins.list[int]
            str: builtins.str = ""
            other: builtins.str = ""
            more: builtins.list[builtins.bytes] | None = None

        def emit(event: Event) -> Event: ...
        """,
    "types_with_our_names": """
        from dataclasses import dataclass

        @dataclass
        class remote:
            a: int

        @dataclass
        class Any:
            a: int

        @dataclass
        class dataclasses:
            a: int

        def f(a: remote, b: Any, c: dataclasses) -> remote: ...
        """,
    "documented": '''
        def quotes(a):
            """Say \\"\\"\\"hi\\"\\"\\" and 'hi' and '\\'\\'\\'."""
        def ends_in_a_quote(a):
            """Say "hi\\""""
        def backslashes(a):
            r"""A \\d and a \\ and \\N{DASH} and \\x."""
        def ends_in_a_backslash(a):
            """Ends in \\\\"""
        def unicode(a):
            """Größe 日本 🧀 \\u202e \\x00 \\x1b[0m."""
        def braces(a):
            """{} {a} %s %(a)s ${x}."""
        def code(a):
            """Long.

            Args:
                a: the value,
                    on two lines.

            Example:

                >>> code(1)
                """
        def blank(a):
            """ """
        def trick(a):
            """x\\"\\"\\"\\nimport os\\nos.system(\\'x\\')\\n\\"\\"\\"."""
        ''',
}


class Generated(NamedTuple):
    """What was made of one interface."""

    module: ModuleType
    functions: dict[str, FunctionType]
    names: TypeNames
    schema: InterfaceSchema
    files: dict[str, str]


def functions_in(module: ModuleType) -> dict[str, FunctionType]:
    """Give the functions that a module defines."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__
    }


def generate(name: str) -> Generated:
    """Load an interface from its source and generate its library."""
    module = ModuleType(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, name, module)
        code = compile(textwrap.dedent(SOURCES[name]), f"{name}.py", "exec", dont_inherit=True)
        exec(code, vars(module))
        names = TypeNames()
        functions = functions_in(module)
        signatures = {name: Signature(function) for name, function in functions.items()}
        exceptions = find_exceptions([module])
        schema = build_schema(name, module.__doc__ or "", signatures, names, exceptions)
    return Generated(module, functions, names, schema, library_files(schema))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a folder with the library of every interface for which there is one."""
    folder = tmp_path_factory.mktemp("libraries")
    for name in SOURCES:
        try:
            files = generate(name).files
        except Exception:
            # Its own tests tell.
            continue
        (folder / name).mkdir()
        for file, source in files.items():
            (folder / name / file).write_text(source, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder
    for module in [module for module in sys.modules if module.partition(".")[0] in SOURCES]:
        del sys.modules[module]


@pytest.fixture(scope="module")
def complaints(folder: Path) -> list[str]:
    """Give what mypy says of all libraries together."""
    configuration = folder / "mypy.ini"
    configuration.write_text(
        "[mypy]\nstrict = true\n"
        # Reading torch's own source would take minutes.
        "[mypy-torch.*]\nfollow_imports = skip\nignore_missing_imports = true\n"
    )
    packages = sorted(each.name for each in folder.iterdir() if each.is_dir())
    finished = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", *packages],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode in (0, 1), finished.stdout + finished.stderr
    return finished.stdout.splitlines()


each_interface = pytest.mark.parametrize("name", SOURCES)


@each_interface
def test_its_files_are_python(name: str) -> None:
    files = generate(name).files

    assert list(files) == ["__init__.py", "aio.py", "_remote.py", "py.typed"]
    for file, source in files.items():
        compile(source, file, "exec", dont_inherit=True)


@each_interface
def test_it_passes_a_strict_type_check(name: str, folder: Path, complaints: list[str]) -> None:
    assert (folder / name).is_dir()

    assert [line for line in complaints if line.startswith(f"{name}/")] == []


def test_a_wrong_call_does_not_pass_the_type_check(folder: Path, complaints: list[str]) -> None:
    assert complaints
    (folder / "uses.py").write_text(
        "import kinds, kinds.aio\n"
        "kinds.mixed('x', c=1)\nkinds.keyword(a=1, z=2)\nx: int = kinds.later('x')\n"
        "async def f() -> int:\n    return await kinds.aio.later('x')\n"
    )
    finished = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "uses.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert [line.split(":")[1] for line in finished.stdout.splitlines() if "error:" in line] == [
        *("2", "3", "4", "6")
    ]


def shape(function: Callable[..., Any]) -> list[tuple[str, str, str]]:
    """Give the names, kinds and defaults of a function's parameters."""
    return [
        (each.name, each.kind.name, default(each.default))
        for each in inspect.signature(function).parameters.values()
    ]


def default(value: object) -> str:
    return str(value) if isinstance(value, enum.Enum) else f"{type(value).__name__}: {value!r}"


def expected_shape(generated: Generated, name: str) -> list[tuple[str, str, str]]:
    """Give the shape of the interface's own function; what only it can make is the server's."""
    parameters = next(each for each in generated.schema.functions if each.name == name).parameters
    server = [each.HasField("default") and not each.default.is_literal for each in parameters]
    return [
        (name, kind, default(SERVER_DEFAULT) if is_server else value)
        for (name, kind, value), is_server in zip(
            shape(generated.functions[name]), server, strict=True
        )
    ]


def lines(doc: str | None) -> list[str]:
    """Give a docstring's lines; formatters own the white space at their ends."""
    return [line.rstrip() for line in inspect.cleandoc(doc or "").rstrip().splitlines()]


@each_interface
def test_its_functions_have_the_signatures_of_the_interface(name: str, folder: Path) -> None:
    generated = generate(name)
    assert (folder / name).is_dir()
    library, aio = importlib.import_module(name), importlib.import_module(f"{name}.aio")

    for each in generated.functions:
        assert shape(getattr(library, each)) == expected_shape(generated, each), each
        assert shape(getattr(aio, each)) == expected_shape(generated, each), each
        assert not inspect.iscoroutinefunction(getattr(library, each))
        assert inspect.iscoroutinefunction(getattr(aio, each))


@each_interface
def test_its_functions_have_the_docstrings_of_the_interface(name: str, folder: Path) -> None:
    assert (folder / name).is_dir()
    library, aio = importlib.import_module(name), importlib.import_module(f"{name}.aio")

    for each, function in generate(name).functions.items():
        assert lines(getattr(library, each).__doc__) == lines(function.__doc__), each
        assert lines(getattr(aio, each).__doc__) == lines(function.__doc__), each


@each_interface
def test_it_exports_the_functions_and_types_and_nothing_else(name: str, folder: Path) -> None:
    generated = generate(name)
    assert (folder / name).is_dir()
    library = importlib.import_module(name)

    schema = generated.schema
    types = [*(each.name for each in schema.types), *(each.name for each in schema.exceptions)]
    assert library.__all__ == sorted([*generated.functions, *types, "with_options"])
    for each in types:
        assert isinstance(getattr(library, each), type), each
        assert getattr(library, each) is getattr(importlib.import_module(f"{name}.aio"), each)
    public = {each for each in vars(library) if not each.startswith("_")}
    assert public <= {*library.__all__, *dir(typing), "annotations", "aio"}


def test_annotations_are_those_of_the_interface(folder: Path) -> None:
    assert folder.is_dir()
    library = importlib.import_module("kinds")

    for name, function in generate("kinds").functions.items():
        expected = typing.get_type_hints(function)
        found = typing.get_type_hints(getattr(library, name))
        assert {key: found[key] for key in expected} == expected, name
        assert all(hint is Any for key, hint in found.items() if key not in expected), name


# Named types --------------------------------------------------------------------------------


@pytest.fixture
def named(folder: Path) -> Any:
    """Give the generated library of the interface `named_types`."""
    assert folder.is_dir()
    return importlib.import_module("named_types")


def test_generated_dataclasses_are_made_like_the_originals(named: Any) -> None:
    day = dt.datetime(2020, 1, 1)
    node, twin = (named.Node(1, [named.Node(2, created=day)], created=day) for _ in range(2))

    assert node == twin
    assert (node.parent, node.color, node.rate) == (None, named.Color.RED, float("inf"))
    assert node.children[0].children == []
    assert node.children[0].children is not twin.children[0].children
    assert named.Named(second=2) == named.Named(first="", second=2)
    assert named.Settings(size=1) == named.Settings(1, [], None)
    assert named.Node.__doc__ == 'A node of "a" tree.'


def test_generated_named_tuples_and_enums_are_made_like_the_originals(named: Any) -> None:
    assert named.Span(1) == (1, -1)
    assert named.Color.CRIMSON is named.Color.RED
    assert named.Color.BLUE.value == (1, "x")
    assert named.Color.__doc__ == "The colours."


def cross(value: object, sender: TypeNames, receiver: TypeNames) -> Any:
    return Codec(receiver).decode(*Codec(sender).encode(value))


def registry(library: Any) -> TypeNames:
    """Give the classes that a generated library tells the codec of."""
    remote = next(each for each in vars(library).values() if isinstance(each, RemoteInterface))
    return TypeNames(vars(remote)["_types"])


TYPED = """
    from dataclasses import dataclass, field
    import enum
    import pydantic

    @dataclass(frozen=True)
    class Point:
        x: int
        y: int = 0

    class Frozen(pydantic.BaseModel, frozen=True):
        x: int

    @dataclass
    class Late:
        given: int
        made: int = field(init=False, default=7)

    @dataclass
    class Unset:
        given: int
        made: int = field(init=False)

        def __post_init__(self):
            self.made = self.given * 2

    class Level(enum.IntEnum):
        LOW = 1
        HIGH = 2

    class Mode(enum.StrEnum):
        FAST = "fast"

    class Access(enum.Flag):
        READ = 1
        WRITE = 2

    class Bits(enum.IntFlag):
        ONE = 1
        TWO = 2

    def f(a: Point, b: Level, c: Mode, d: Access, e: Bits, g: Frozen, h: Late, i: Unset): ...
    """
SOURCES["typed"] = TYPED

# Builtin exceptions that are laid out in ways of their own, or mean something to Python.
_UNUSUAL = [
    name
    for name, cls in sorted(vars(builtins).items())
    if isinstance(cls, type) and issubclass(cls, BaseException) and cls.__name__ == name
]
SOURCES["exceptions"] = """
    import abc
    import enum
    import json

    class WordError(Exception):
        '''What is wrong with "words".'''

    class EmptyTextError(WordError, ValueError):
        pass

    class TimeoutError(OSError):
        pass

    class SlowWordError(TimeoutError, WordError):
        pass

    class _PrivateError(LookupError):
        pass

    class LostWordError(_PrivateError, WordError):
        pass

    class UnreadableError(json.JSONDecodeError):
        pass

    class AbstractError(EmptyTextError, abc.ABC):
        pass

    class Words:
        class ClosedError(WordError):
            pass

    def count(text: str, WordError: int = 0) -> int: ...
    """
SOURCES["builtin_exceptions"] = "\n".join(
    ["def f() -> None: ...", *(f"class Own{name}({name}): ..." for name in _UNUSUAL)]
)
SOURCES["exceptions_with_our_names"] = """
    class remote(Exception): ...
    class RemoteError(Exception): ...
    class RemoteInterface(RemoteError): ...
    class builtins(ValueError): ...
    class annotations(builtins): ...
    class aio(Exception): ...
    class Exception(Exception): ...
    class ValueError(Exception): ...
    class str(ValueError): ...
    class Any(ValueError, LookupError): ...
    def f(text, other=None) -> list[tuple[int, bytes]]: ...
    """


@pytest.fixture
def typed(folder: Path) -> Any:
    """Give the generated library of the interface `typed`."""
    assert folder.is_dir()
    return importlib.import_module("typed")


@pytest.mark.parametrize("name", ["Level", "Mode", "Access", "Bits"])
def test_a_generated_enum_is_of_the_originals_kind(typed: Any, name: str) -> None:
    original = vars(generate("typed").module)[name]

    assert issubclass(getattr(typed, name), original.__mro__[1])


@pytest.mark.parametrize("name", ["Access", "Bits"])
def test_combined_flags_cross_both_ways(typed: Any, name: str) -> None:
    interface = generate("typed")
    theirs, ours = vars(interface.module)[name], getattr(typed, name)

    there = cross(ours(1) | ours(2), registry(typed), interface.names)
    back = cross(theirs(1) | theirs(2), interface.names, registry(typed))

    assert (there, type(there)) == (theirs(3), theirs)
    assert (back, type(back)) == (ours(3), ours)


@pytest.mark.parametrize("name", ["Point", "Frozen"])
def test_frozen_instances_can_be_keys_on_both_sides(typed: Any, name: str) -> None:
    interface = generate("typed")
    original = vars(interface.module)[name](x=1)

    (received,) = cross({original}, interface.names, registry(typed))

    assert received == getattr(typed, name)(x=1)
    assert cross({received: 1}, registry(typed), interface.names) == {original: 1}


@pytest.mark.parametrize("name", ["Late", "Unset"])
def test_a_field_that_the_constructor_does_not_take_is_not_asked_for(typed: Any, name: str) -> None:
    interface = generate("typed")
    original = vars(interface.module)[name](given=1)

    received = cross(original, interface.names, registry(typed))

    assert dataclasses.asdict(received) == dataclasses.asdict(original)
    assert vars(getattr(typed, name)(given=1))["given"] == 1
    assert cross(getattr(typed, name)(given=1), registry(typed), interface.names) == original


# Exceptions ---------------------------------------------------------------------------------


@pytest.fixture
def raising(folder: Path) -> Any:
    """Give the generated library of the interface `exceptions`."""
    assert folder.is_dir()
    return importlib.import_module("exceptions")


def test_generated_exceptions_are_derived_as_the_originals_are(raising: Any) -> None:
    original = vars(generate("exceptions").module)
    names = [each.name for each in generate("exceptions").schema.exceptions]

    assert len(names) == 8
    for name in names:
        cls, twin = getattr(raising, name), original.get(name) or original["Words"].ClosedError
        assert issubclass(cls, RemoteError)
        for base in twin.__mro__:
            if base.__module__ == "builtins":
                assert issubclass(cls, base), (name, base)
            elif base.__module__ == "exceptions" and not base.__name__.startswith("_"):
                assert issubclass(cls, getattr(raising, base.__name__)), (name, base)
    assert not issubclass(raising.SlowWordError, TimeoutError)
    assert raising.WordError.__doc__ == 'What is wrong with "words".'


def test_a_generated_exception_is_made_like_every_error_of_ours(raising: Any) -> None:
    error = raising.SlowWordError("too slow", hint="wait", remote_traceback="Traceback")

    assert (error.message, error.hint, error.args) == ("too slow", "wait", ("too slow",))
    assert str(error) == "too slow\n\nIn the sandbox:\nTraceback\n\nWhat to do: wait"


def test_a_generated_exception_survives_pickling_and_copying(raising: Any) -> None:
    error = raising.SlowWordError("too slow", hint="wait")
    error.exception, error.seconds = "exceptions.SlowWordError", [1, 2]
    error.add_note("noted")

    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is raising.SlowWordError
        assert (str(twin), vars(twin), twin.args) == (str(error), vars(error), error.args)


def test_what_is_done_with_a_caught_exception_passes_the_type_check(
    folder: Path, complaints: list[str]
) -> None:
    assert complaints
    (folder / "catches.py").write_text(
        "import exceptions\ntry:\n    exceptions.count('x')\n"
        "except exceptions.EmptyTextError as error:\n"
        "    print(error.position, error.hint.upper())\n    same: ValueError = error\n"
        "    other: exceptions.SlowWordError = error\n"
    )
    finished = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "catches.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert [line.split(":")[1] for line in finished.stdout.splitlines() if "error:" in line] == [
        "7"
    ]


def test_the_library_knows_its_exceptions_by_their_qualified_names(raising: Any) -> None:
    remote = next(each for each in vars(raising).values() if isinstance(each, RemoteInterface))

    known = vars(remote)["_exceptions"]

    assert known["exceptions.SlowWordError"] is raising.SlowWordError
    assert known["exceptions.Words.ClosedError"] is raising.ClosedError
    # What arrives as a value builds none of them.
    assert not vars(remote)["_types"]


@pytest.mark.parametrize("name", _UNUSUAL)
def test_an_exception_is_the_builtin_one_too_where_it_can_be(name: str, folder: Path) -> None:
    assert folder.is_dir()
    library = importlib.import_module("builtin_exceptions")
    builtin: type[BaseException] = getattr(builtins, name)
    if issubclass(builtin, SystemExit):
        assert not hasattr(library, f"Own{name}")
        return

    cls = getattr(library, f"Own{name}")

    assert str(cls("m")) == "m"
    is_usable = issubclass(RemoteError.of(name), builtin)
    assert issubclass(cls, builtin) == is_usable
    assert cls.__mro__[1] is RemoteError


def test_exceptions_of_our_names_hide_nothing(folder: Path) -> None:
    assert folder.is_dir()
    library = importlib.import_module("exceptions_with_our_names")
    aio = importlib.import_module("exceptions_with_our_names.aio")

    assert issubclass(library.RemoteInterface, library.RemoteError)
    assert issubclass(library.Any, LookupError)
    assert issubclass(library.Any, library.ValueError)
    assert not issubclass(library.Any, ValueError)
    # The module keeps its name.
    assert library.aio is aio
    assert issubclass(library.aio_2, RemoteError)


def exceptions_of(*described: ExceptionType) -> dict[str, list[str]]:
    """Give the bases of the classes that are made of hand-made exceptions, by their names."""
    schema = one_function()
    schema.exceptions.extend(described)
    body = ast.parse(library_files(schema)["_remote.py"]).body
    return {
        each.name: [ast.unparse(base).rpartition(".")[2] for base in each.bases]
        for each in body
        if isinstance(each, ast.ClassDef)
    }


def test_bases_that_do_not_go_together_are_left_out() -> None:
    first = ExceptionType(name="A", bases=[Type(name="OSError"), Type(name="ImportError")])
    second = ExceptionType(name="B", bases=[Type(name="ImportError")])
    both = [Type(name="A", named=True), Type(name="B", named=True), Type(name="ValueError")]

    assert exceptions_of(first, second, ExceptionType(name="C", bases=both)) == {
        "A": ["RemoteError", "OSError"],
        "B": ["RemoteError", "ImportError"],
        "C": ["A", "ValueError"],
    }


@pytest.mark.parametrize(
    "base",
    [
        Type(name="A", named=True),
        Type(name="B", named=True),
        Type(name="Data", named=True),
        Type(name="ValueError", named=True),
        Type(name="FutureError"),
        Type(name="os.system"),
        Type(name="json.JSONDecodeError"),
        Type(name="print"),
        Type(name="dict"),
        Type(name="__name__"),
        Type(name=""),
    ],
    ids=repr,
)
def test_what_is_no_base_is_left_out(base: Type) -> None:
    later = ExceptionType(name="B")

    assert exceptions_of(ExceptionType(name="A", bases=[base]), later)["A"] == ["RemoteError"]


def test_an_exception_that_has_another_things_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="two things called 'f'"):
        exceptions_of(ExceptionType(name="f"))


# Docs ---------------------------------------------------------------------------------------


def test_a_signature_is_written_as_python_writes_it() -> None:
    schema = generate("kinds").schema

    assert [signature(each) for each in schema.functions][:3] == [
        "every(a: int, b: int = 1, /, c: str = 'x', *rest: float, d: bool, e: int | None = None, "
        "**more: str) -> tuple[int, ...]",
        "positional(a: int, b: int = 2, /) -> int",
        "keyword(*, a: int, b: int = 3) -> int",
    ]


def test_the_docs_have_every_signature_and_docstring() -> None:
    schema = InterfaceSchema(
        name="tools",
        doc="All about tools.",
        functions=[Function(name="f", doc="Does f.", result=Type(name="int")), Function(name="g")],
    )
    schema.functions[1].result.name = "none"

    assert library_docs(schema) == "All about tools.\n\n`f() -> int`\n\nDoes f.\n\n`g() -> None`"


# What a schema cannot do --------------------------------------------------------------------

ANY, TEXT = Type(name="any"), Type(name="str")


def one_function(**parts: Any) -> InterfaceSchema:
    return InterfaceSchema(
        name="tools", functions=[Function(**{"name": "f", "result": ANY, **parts})]
    )


def with_default(text: str) -> InterfaceSchema:
    """Give a schema that has a default's text everywhere where one can be."""
    value = Default(text=text, is_literal=True)
    fields = [Field(name="x", type=ANY, default=value)]
    schema = one_function(parameters=[Parameter(name="x", type=ANY, default=value)])
    schema.types.extend(
        [
            NamedType(name="Data", kind=NamedType.DATACLASS, fields=fields),
            NamedType(name="Row", kind=NamedType.NAMED_TUPLE, fields=fields),
            NamedType(
                name="Color",
                kind=NamedType.ENUM,
                base="Enum",
                members=[Member(name="RED", value=text)],
            ),
        ]
    )
    schema.exceptions.add(name="DataError", bases=[Type(name="ValueError")])
    return schema


def with_literal(text: str) -> InterfaceSchema:
    literal = Type(name="literal", literals=[text])
    schema = one_function(result=literal, parameters=[Parameter(name="x", type=literal)])
    schema.types.add(name="Data").fields.add(name="x", type=literal)
    return schema


def test_a_function_that_has_the_async_modules_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="exposes 'aio'") as caught:
        library_files(one_function(name="aio"))
    assert caught.value.hint == "rename it"


CODE = [
    "__import__('os').system('x')",
    "[__import__('os').system('x')]",
    "{'a': __import__('os').system('x')}",
    "{**__import__('os').system('x')}",
    "float(__import__('os').system('x'))",
    "float('inf', __import__('os').system('x'))",
    "set(__import__('os').system('x'))",
    "(lambda: __import__('os').system('x'))()",
    "f\"{__import__('os').system('x')}\"",
    "[1 for _ in __import__('os').system('x')]",
    "(x := __import__('os').system('x'))",
    "'a' if __import__('os').system('x') else 'b'",
    "1)\n__import__('os').system('x')\n(1",
    "Color.__class__.system",
    "os.system",
    "system",
]


def code_of(source: str) -> str:
    """Give a source without its texts: what an outline or a docstring says is never run."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.unparse(tree)


@pytest.mark.parametrize("text", CODE)
def test_code_in_a_default_never_reaches_the_source(text: str) -> None:
    for source in library_files(with_default(text)).values():
        assert "system" not in code_of(source)


@pytest.mark.parametrize("text", CODE)
def test_code_in_a_literal_type_never_reaches_the_source(text: str) -> None:
    # Refusing the schema is as good as leaving the text out.
    try:
        files = library_files(with_literal(text))
    except ConfigError:
        return
    for source in files.values():
        assert "system" not in code_of(source)


NOT_VALUES = {
    "text that floats": "float('much')",
    "minus a text": "-'a'",
    "list as a key": "{[]: 1}",
    "text plus a number": "'a' + 1j",
    "no syntax": "<object object at 0x7f>",
    "nothing": "",
    "zero byte": "'\0",
    "a deep sign": "-" * 1_000 + "1",
    "a deeper sign": "-" * 20_000 + "1",
    "deep brackets": "[" * 1_000 + "]" * 1_000,
}


@pytest.mark.parametrize("text", NOT_VALUES.values(), ids=NOT_VALUES)
def test_what_is_no_value_is_left_to_the_server(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_library").mkdir()
    for file, source in library_files(with_default(text)).items():
        (tmp_path / "a_library" / file).write_text(source)
    for module in [name for name in sys.modules if name.partition(".")[0] == "a_library"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.syspath_prepend(tmp_path)

    library = importlib.import_module("a_library")

    parameter = inspect.signature(library.f).parameters["x"]
    assert parameter.default is SERVER_DEFAULT
