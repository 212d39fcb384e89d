"""Loading: what may be exposed, and under which name an interface file becomes a module."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from seer_runtime.exposure import Exposure
from seer_runtime.loader import module_name


def shout(text: str) -> str:
    return text.upper()


async def whisper(text: str) -> str:
    return text.lower()


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


@pytest.mark.parametrize(
    "function", [shout, whisper, wrapped(shout)], ids=["sync", "async", "wrap"]
)
def test_a_function_is_exposed_and_given_back(function: Callable[..., Any]) -> None:
    exposure = Exposure()

    assert exposure.expose(function) is function
    assert exposure.finish([]).functions == {function.__name__: function}


def test_expose_with_parentheses_does_the_same() -> None:
    exposure = Exposure()

    assert exposure.expose()(shout) is shout
    assert exposure.finish([]).functions == {"shout": shout}


def test_functions_keep_the_order_in_which_they_were_exposed() -> None:
    exposure = Exposure()

    for function in (whisper, shout):
        exposure.expose(function)

    assert list(exposure.finish([]).functions) == ["whisper", "shout"]


def test_the_later_of_two_functions_of_one_module_counts(define: Callable[..., ModuleType]) -> None:
    exposure = Exposure()
    first, second = (define("def f(): ...").f for _ in range(2))

    exposure.expose(first)
    exposure.expose(second)

    assert exposure.finish([]).functions == {"f": second}


def test_functions_of_one_name_from_two_modules_are_refused(
    define: Callable[..., ModuleType],
) -> None:
    exposure = Exposure()
    exposure.expose(define("def f(): ...", "one").f)

    with pytest.raises(ValueError, match="two and one both expose 'f'"):
        exposure.expose(define("def f(): ...", "two").f)


class Tool:
    def __call__(self) -> None:
        pass

    def use(self) -> None:
        pass


def test_a_method_of_an_object_is_exposed_as_a_function() -> None:
    exposure, method = Exposure(), Tool().use

    assert exposure.expose(method) is method
    assert exposure.finish([]).functions == {"use": method}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (Tool(), "is a Tool"),
        (functools.partial(shout, "x"), "is a partial"),
        ("shout", "is a str"),
        (lambda: 1, "'<lambda>'"),
    ],
)
def test_what_is_no_function_with_a_name_is_refused(value: Any, problem: str) -> None:
    exposure = Exposure()

    with pytest.raises(TypeError, match=problem):
        exposure.expose(value)
    assert exposure.finish([]).functions == {}


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("tools.py", "tools"),
        ("/some/where/my_tools.py", "my_tools"),
        ("größe.py", "größe"),
        ("my-tools.py", "my_tools"),
        ("my tools.v2.py", "my_tools_v2"),
        ("json.py", "interface_json"),
        ("typing.py", "interface_typing"),
        ("asyncio.py", "interface_asyncio"),
        ("class.py", "interface_class"),
        ("2024.py", "interface_2024"),
        ("1-2.py", "interface_1_2"),
        ("🧀.py", "_"),
    ],
)
def test_a_module_has_a_name_that_python_can_import_and_hides_nothing(file: str, name: str) -> None:
    assert module_name(Path(file)) == name


def test_an_interface_file_is_never_the_main_module() -> None:
    assert module_name(Path("__main__.py")) != "__main__"
