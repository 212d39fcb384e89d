"""Whichever way a function is called, it gives the same answer, and fails in the same way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.environment import ScopedSandbox
from seer_rpc.presentation import Exit
from tests.corpus import InterfaceFile, interface_files
from tests.integration.routes import REMEMBERING, ROUTES, Answer, Route

FILES = interface_files()

SOURCE = """
import time


@expose
def half(number: int) -> float:
    return number / 2


@expose
def refuse(text: str) -> None:
    raise ValueError(text)


@expose
def leave(code: int) -> None:
    raise SystemExit(code)


@expose
def sleep(seconds: float) -> None:
    time.sleep(seconds)


@expose
def unsendable() -> object:
    return object()
"""

KINDS: list[tuple[str, Mapping[str, Any], Answer]] = [
    ("half", {"number": 3}, Answer(Exit.VALUE, 1.5)),
    ("half", {"number": "three"}, Answer(Exit.ARGUMENTS)),
    ("half", {}, Answer(Exit.ARGUMENTS)),
    ("half", {"number": 1, "other": 2}, Answer(Exit.ARGUMENTS)),
    ("refuse", {"text": "no"}, Answer(Exit.RAISED)),
    ("leave", {"code": 3}, Answer(Exit.RAISED)),
    ("sleep", {"seconds": 20}, Answer(Exit.DEADLINE)),
    ("unsendable", {}, Answer(Exit.OTHER)),
]


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_a_call_ends_in_the_same_kind_of_way(
    route: Route, shared: ScopedSandbox, tmp_path: Path
) -> None:
    file = tmp_path / "kinds.py"
    file.write_text(SOURCE)
    with route(shared, file, tmp_path / "work") as call:
        for function, arguments, answer in KINDS:
            limit = {"timeout": 0.3} if answer.status is Exit.DEADLINE else {}
            assert call(function, arguments, **limit) == answer, function


@pytest.mark.parametrize("route", [r for name, r in ROUTES.items() if name != "library"])
def test_a_function_that_there_is_not_is_a_kind_of_its_own(
    route: Route, shared: ScopedSandbox, tmp_path: Path
) -> None:
    file = tmp_path / "kinds.py"
    file.write_text(SOURCE)
    with route(shared, file, tmp_path / "work") as call:
        assert call("quarter", {}) == Answer(Exit.NO_FUNCTION)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
@pytest.mark.parametrize("route", ROUTES)
def test_the_functions_of_the_corpus_give_the_same(
    route: str, file: InterfaceFile, shared: ScopedSandbox, tmp_path: Path
) -> None:
    examples = file.examples
    if route == "seer call":
        # Each call has a sandbox of its own, which takes its time; what it shares with the script
        # of a skill has been through all of them there.
        examples = [] if file.name in REMEMBERING else file.examples[:1]
    with ROUTES[route](shared, file.path, tmp_path / "work") as call:
        for example in examples:
            answer = call(example.function, example.arguments)
            assert answer.status is Exit.VALUE, example
            assert _same(answer.value, example.result), (answer.value, example)


def _same(value: Any, expected: Any) -> bool:
    if isinstance(value, float) and isinstance(expected, float):
        return math.isclose(value, expected, rel_tol=1e-6)
    return bool(value == expected)
