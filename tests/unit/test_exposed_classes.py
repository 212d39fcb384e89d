"""Exposed classes: one instance, its public methods as functions, and what cannot be exposed."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seer_runtime.exposure import Exposed, Exposure

Expose = Callable[..., Exposed]


@pytest.fixture
def expose(define: Callable[..., Any]) -> Expose:
    """Expose what a source marks."""

    def run(source: str, *modules: str) -> Exposed:
        exposure = Exposure()
        module = define("pass")
        exec(textwrap.dedent(source), vars(module) | {"expose": exposure.expose})
        return exposure.finish(["an_interface", *modules])

    return run


def test_its_public_methods_are_functions_of_one_instance(expose: Expose) -> None:
    exposed = expose(
        """
        @expose
        class Counter:
            made = 0

            def __init__(self, start=5):
                Counter.made += 1
                self.value = start

            def add(self, n: int) -> int:
                self.value += n
                return self.value

            def total(self) -> int:
                return self.value

            def _hidden(self): ...

            @property
            def doubled(self): return self.value * 2

            @staticmethod
            def twice(n: int) -> int: return n * 2

            @classmethod
            def instances(cls) -> int: return cls.made

            class Inner: ...
            constant = 3
        """
    )

    functions = exposed.functions
    assert list(functions) == [
        "Counter.add",
        "Counter.total",
        "Counter.twice",
        "Counter.instances",
    ]
    assert functions["Counter.add"](2) == functions["Counter.total"]() == 7
    assert (functions["Counter.twice"](4), functions["Counter.instances"]()) == (8, 1)
    assert [each.__name__ for each in exposed.groups] == ["Counter"]
    assert list(inspect.signature(functions["Counter.add"]).parameters) == ["n"]


def test_the_class_is_given_back_and_stays_as_it_is() -> None:
    class Plain:
        def go(self) -> None: ...

    assert Exposure().expose(Plain) is Plain
    assert Exposure().expose(read_only=True)(Plain) is Plain


def test_options_of_the_class_are_those_of_its_methods_unless_they_have_their_own(
    expose: Expose,
) -> None:
    exposed = expose(
        """
        import functools

        def around(function):
            @functools.wraps(function)
            def wrapper(*args): return function(*args)
            return wrapper

        @expose(read_only=True, timeout=2.0)
        class Steering:
            def look(self): ...

            @expose(read_only=False, idempotent=True)
            def turn(self): ...

            @staticmethod
            @expose(timeout=9)
            def wait(): ...

            @expose(timeout=8)
            @classmethod
            def rest(cls): ...

            @around
            @expose(timeout=7)
            def wrapped(self): ...

            async def later(self): ...
        """
    )

    options = exposed.options
    assert (options["Steering.look"].read_only, options["Steering.look"].timeout) == (True, 2.0)
    assert (options["Steering.turn"].read_only, options["Steering.turn"].idempotent) == (
        False,
        True,
    )
    assert [options[f"Steering.{name}"].timeout for name in ("wait", "rest", "wrapped")] == [
        9,
        8,
        7,
    ]
    assert options["Steering.later"].is_async


def test_what_it_inherits_counts_where_a_module_of_the_interface_defines_it(
    expose: Expose,
) -> None:
    source = """
        import logging

        class Base:
            def first(self): return "base"
            @expose(read_only=True)
            def second(self): return "base"

        @expose
        class Derived(Base, logging.Filter):
            def first(self): return "derived"
            def third(self): ...
        """

    exposed = expose(source)

    assert list(exposed.functions) == ["Derived.first", "Derived.second", "Derived.third"]
    assert exposed.functions["Derived.first"]() == "derived"
    assert exposed.options["Derived.second"].read_only
    assert "Derived.filter" in expose(source, "logging").functions


def test_it_is_made_when_the_whole_file_has_run(expose: Expose) -> None:
    exposed = expose(
        """
        @expose
        class Early:
            def __init__(self): self.limit = globals()["LIMIT"]
            def get(self): return self.limit

        LIMIT = 3
        """
    )

    assert exposed.functions["Early.get"]() == 3


@pytest.mark.parametrize(
    ("source", "error", "problem"),
    [
        (
            "@expose\nclass A:\n    def __init__(self, layer, n=1): ...\n    def f(self): ...",
            TypeError,
            "class A is exposed.*needs layer: give defaults",
        ),
        ("@expose\nclass A:\n    def _f(self): ...", TypeError, "class A .* no public method"),
        (
            "class A:\n    @expose\n    def f(self): ...",
            TypeError,
            r"A.f \(line 2\) is marked .* class is not",
        ),
        (
            "@expose\nclass A:\n    @expose\n    def _f(self): ...\n    def g(self): ...",
            TypeError,
            "A._f .* is marked",
        ),
        (
            "import abc\n@expose\nclass A(abc.ABC):\n    @abc.abstractmethod\n    def f(self): ...",
            TypeError,
            "class A is exposed and abstract: it lacks f",
        ),
        (
            "@expose\nclass A:\n    def f(self): ...\n@expose\ndef A(): ...",
            ValueError,
            "a class and a function are both exposed as 'A'",
        ),
        ("@expose(color=1)\nclass A:\n    def f(self): ...", TypeError, "no option 'color'"),
        (
            "@expose\nclass A:\n    @expose(nope=1)\n    def f(self): ...",
            TypeError,
            "option 'nope'",
        ),
        (
            "@expose(read_only=True)\nclass A:\n    @expose(destructive=1)\n    def f(self): ...",
            ValueError,
            "read-only or destructive",
        ),
        (
            "@expose\nclass A:\n    def __init__(self): 1 / 0\n    def f(self): ...",
            ZeroDivisionError,
            "division",
        ),
    ],
)
def test_what_cannot_be_exposed_is_refused_with_the_reason(
    expose: Expose, source: str, error: type[Exception], problem: str
) -> None:
    with pytest.raises(error, match=problem):
        expose(source)


def test_classes_of_one_name_from_two_modules_are_refused(
    define: Callable[..., Any], tmp_path: Path
) -> None:
    exposure = Exposure()
    exposure.expose(define("class A:\n    def f(self): ...", "one").A)

    with pytest.raises(ValueError, match="two and one both expose 'A'"):
        exposure.expose(define("class A:\n    def f(self): ...", "two").A)
