"""An interface's own exceptions: which are found, and what the schema says of them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

from seer_runtime.exceptions import describe_exceptions, find_exceptions
from seer_runtime.loader import load
from seer_runtime.models import ModelPaths
from seer_runtime.schema import Signature, build_schema
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema
from seer_runtime.wire.records import TypeNames

Define = Callable[..., ModuleType]


def found(*modules: ModuleType) -> list[str]:
    return [cls.__qualname__ for cls in find_exceptions(modules)]


def described(*modules: ModuleType) -> dict[str, list[str]]:
    """Give the bases by the exceptions' names; own ones with a star."""
    return {
        each.name: [f"{base.name}{'*' * base.named}" for base in each.bases]
        for each in describe_exceptions(find_exceptions(modules), TypeNames())
    }


def schema_of(*modules: ModuleType) -> InterfaceSchema:
    functions = {
        name: Signature(value)
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, FunctionType)
    }
    return build_schema("tools", "", functions, TypeNames(), find_exceptions(modules))


# Which are found ----------------------------------------------------------------------------


def test_public_exceptions_are_found_bases_first_then_by_name(define: Define) -> None:
    module = define(
        """
        class WordError(Exception): ...
        class LastError(WordError): ...
        class FirstError(WordError): ...
        class Abort(BaseException): ...
        class _PrivateError(Exception): ...
        class NoError: ...
        from json import JSONDecodeError
        error = WordError("an instance")
        Alias = WordError
        """
    )

    assert found(module) == ["Abort", "WordError", "FirstError", "LastError"]


def test_exceptions_inside_classes_and_functions_are_found_where_they_can_be_reached(
    define: Define,
) -> None:
    module = define(
        """
        class Model:
            class ClosedError(Exception): ...
            itself = None
        Model.itself = Model

        def make():
            class MadeError(Exception): ...
            return MadeError
        Made = make()
        """
    )

    assert found(module) == ["Model.ClosedError", "make.<locals>.MadeError"]


def test_what_ends_the_process_is_no_error_of_a_call(define: Define) -> None:
    assert found(define("class Stop(SystemExit): ...")) == []


@pytest.mark.parametrize("name", ["class", "two words", "1st", "", "\\ufb01", "None"])
def test_what_cannot_be_a_class_in_a_library_is_left_out(define: Define, name: str) -> None:
    module = define(f"Odd = type('{name}', (Exception,), {{}})\nclass Even(Odd): ...")

    assert described(module) == {"Even": ["Exception"]}


def test_objects_that_do_not_like_to_be_looked_at_are_not(define: Define) -> None:
    module = define(
        """
        class Shy:
            def __getattribute__(self, name):
                raise RuntimeError(name)
        shy = Shy()
        class Meta(type):
            def __subclasscheck__(cls, other):
                raise RuntimeError
            def __instancecheck__(cls, other):
                raise RuntimeError
        class MetaError(Exception, metaclass=Meta): ...
        class NextError(MetaError, ValueError): ...
        """
    )

    assert described(module) == {
        "MetaError": ["Exception"],
        "NextError": ["MetaError*", "ValueError"],
    }


def test_those_of_other_modules_are_found_once_and_only_in_own_modules(define: Define) -> None:
    errors = define("class WordError(Exception): ...", "errors")
    foreign = define("class ForeignError(LookupError): ...", "foreign")
    module = define(
        "from errors import *\nfrom foreign import *\nclass OwnError(WordError, ForeignError): ..."
    )

    assert described(module, errors) == {
        "WordError": ["Exception"],
        "OwnError": ["WordError*", "LookupError"],
    }
    assert set(described(module, errors, foreign)) == {"ForeignError", "WordError", "OwnError"}


# What is said of them -----------------------------------------------------------------------


def test_bases_that_callers_do_not_have_are_told_by_their_own(define: Define) -> None:
    module = define(
        """
        import json
        class Mixin: ...
        class _Base(Exception): ...
        class _Other(_Base, KeyError): ...
        class A(_Base, ValueError): ...
        class B(Mixin, _Other, A): ...
        class C(json.JSONDecodeError): ...
        """
    )

    assert described(module) == {
        "A": ["ValueError"],
        "B": ["A*", "KeyError"],
        "C": ["ValueError"],
    }


def test_an_exception_has_its_doc_and_the_name_that_a_failure_gives_it(define: Define) -> None:
    schema = schema_of(
        define(
            '''
            from dataclasses import dataclass

            class WordError(Exception):
                """What is wrong.

                    Indented.
                """

            WordError.__doc__ += "A lone \\ud800 surrogate."

            @dataclass
            class Written(WordError):
                code: int

            class Computed(WordError):
                @property
                def __doc__(self): raise RuntimeError
            '''
        )
    )

    by_name = {each.name: each for each in schema.exceptions}
    assert by_name["WordError"].qualified_name == "an_interface.WordError"
    assert by_name["WordError"].doc == (
        "What is wrong.\n\n    Indented.\nA lone \\ud800 surrogate."
    )
    assert [by_name[name].doc for name in ("Written", "Computed")] == ["", ""]


def test_no_two_things_of_a_schema_have_one_name(define: Define) -> None:
    first = define("class WordError(Exception): ...", "first")
    second = define("class WordError(Exception): ...\nclass WordError_2(Exception): ...", "second")
    module = define(
        """
        from dataclasses import dataclass
        @dataclass
        class Point: ...
        def Timeout() -> Point: ...
        """
    )
    third = define(
        """
        class Point(Exception): ...
        class Timeout(Exception): ...
        class aio(Exception): ...
        """,
        "third",
    )

    schema = schema_of(module, third, second, first)

    assert [(each.name, each.qualified_name) for each in schema.exceptions] == [
        ("WordError", "first.WordError"),
        ("WordError_2", "second.WordError"),
        ("WordError_2_2", "second.WordError_2"),
        ("Point_2", "third.Point"),
        ("Timeout_2", "third.Timeout"),
        ("aio_2", "third.aio"),
    ]


def test_a_type_that_a_function_hides_gets_another_name(define: Define) -> None:
    first = define("def Point(x: int) -> int: ...", "first")
    second = define(
        """
        from dataclasses import dataclass
        @dataclass
        class Point: ...
        def f() -> Point: ...
        """,
        "second",
    )

    assert [each.name for each in schema_of(first, second).types] == ["Point_2"]


def test_exceptions_count_in_the_hash(define: Define) -> None:
    sources = [
        "def f(): ...",
        "def f(): ...\nclass E(Exception): ...",
        "def f(): ...\nclass E(ValueError): ...",
        "def f(): ...\nclass E(ValueError): 'Doc.'",
        "def f(): ...\nclass _E(ValueError): 'Doc.'",
    ]

    hashes = [schema_of(define(source)).hash for source in sources]

    assert hashes[0] == hashes[-1]
    assert hashes[2] == hashes[3]
    assert len(set(hashes)) == 3


def test_no_class_that_data_may_build_is_an_exception(define: Define) -> None:
    module = define("class E(Exception): ...\ndef f(): ...")
    names = TypeNames()

    build_schema("tools", "", {"f": Signature(module.f)}, names, find_exceptions([module]))

    assert names.find("E") is None
    assert names.name_of(type("E", (), {})) == "E_2"


# Whose modules are searched -----------------------------------------------------------------


@pytest.fixture
def forget_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what loading an interface does to the process."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))


@pytest.mark.usefixtures("forget_modules")
def test_modules_beside_the_file_are_own_ones_but_not_installed_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "home" / "env" / "site-packages"
    for folder in (installed, tmp_path / "home" / "package", tmp_path / "libraries"):
        folder.mkdir(parents=True)
    files = {
        tmp_path / "home" / "tools.py": "import beside, package.deep, library, installed, json\n"
        "class E(Exception): ...\n@expose\ndef f(): ...",
        tmp_path / "home" / "beside.py": "class E(Exception): ...",
        tmp_path / "home" / "not_imported.py": "class E(Exception): ...",
        tmp_path / "home" / "package" / "deep.py": "class E(Exception): ...",
        tmp_path / "libraries" / "library.py": "class E(Exception): ...",
        installed / "installed.py": "class E(Exception): ...",
    }
    for file, source in files.items():
        file.write_text(source)
    monkeypatch.syspath_prepend(installed)

    loaded = load(tmp_path / "home" / "tools.py", [str(tmp_path / "libraries")], ModelPaths({}), {})

    assert sorted(module.__name__ for module in loaded.modules) == [
        *("beside", "library", "package.deep", "tools")
    ]
    assert len(find_exceptions(loaded.modules)) == 4


@pytest.mark.usefixtures("forget_modules")
def test_a_runtime_beside_the_file_is_none_of_its_modules(tmp_path: Path) -> None:
    file = tmp_path / "tools.py"
    file.write_text("@expose\ndef f(): ...")
    runtime = Path(inspect.getfile(build_schema)).parents[1]

    loaded = load(file, [str(runtime)], ModelPaths({}), {})

    assert [module.__name__ for module in loaded.modules] == ["tools"]
