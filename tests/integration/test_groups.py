"""Exposed classes: called by "Class.method" on every way, and their names in the journal."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.client import Session
from seer_rpc.environment import ScopedSandbox
from seer_rpc.errors import (
    ArgumentError,
    FunctionMissingError,
    InterfaceLoadError,
    RemoteError,
)
from seer_rpc.presentation import to_json
from seer_runtime.wire.plain import JsonArguments

Serve = Callable[[str], Session]

SOURCE = '''
    import asyncio
    from dataclasses import dataclass

    @dataclass
    class Settings:
        step: int = 1

    @expose
    def steered() -> float:
        """The class itself is an ordinary one here."""
        return Steering().strength

    @expose
    class Steering:
        """Steers, and remembers."""

        def __init__(self, strength: float = 1.0):
            self.strength = strength

        def add(self, by: float, settings: Settings | None = None) -> float:
            self.strength += by * (settings or Settings()).step
            return self.strength

        @expose(read_only=True, idempotent=True)
        def get(self) -> float:
            return self.strength

        async def later(self, seconds: float) -> float:
            await asyncio.sleep(seconds)
            return self.strength

        def steps(self, n: int):
            for i in range(n):
                self.strength = i
                yield i

        @expose(batch=True, max_batch=4)
        def squares(self, xs: list[int]) -> list[int]:
            return [x * x for x in xs]

        @expose(concurrent=True)
        @staticmethod
        def double(n: int) -> int:
            return 2 * n

        @classmethod
        def name(cls) -> str:
            return cls.__name__

        def fail(self):
            raise ValueError("no")
'''


@pytest.fixture(scope="module")
def session(serve_session: Serve) -> Session:
    """A session with an interface that exposes a class."""
    return serve_session(SOURCE)


def call(session: Session, name: str, *args: Any, **kwargs: Any) -> Any:
    return session.call(name, list(args), kwargs)


def test_methods_share_one_instance(session: Session) -> None:
    before = call(session, "Steering.get")

    assert call(session, "Steering.add", 0.5) == before + 0.5
    assert call(session, "Steering.get") == before + 0.5
    assert call(session, "steered") == 1.0


def test_methods_of_every_kind_are_called(session: Session) -> None:
    assert list(call(session, "Steering.steps", 3)) == [0, 1, 2]
    assert call(session, "Steering.later", 0.01) == 2
    assert call(session, "Steering.squares", 3) == 9
    assert call(session, "Steering.double", 4) == 8
    assert call(session, "Steering.name") == "Steering"


def test_methods_take_arguments_as_json(session: Session) -> None:
    before = call(session, "Steering.get")
    given = JsonArguments(json.dumps({"by": 1, "settings": {"step": 3}}))

    assert to_json(session.call("Steering.add", [given], {}), repr) == before + 3


def test_errors_name_the_method(session: Session) -> None:
    with pytest.raises(ArgumentError, match=r"it is called as Steering\.add\(by"):
        call(session, "Steering.add", "much")
    with pytest.raises(ArgumentError, match=r"Steering\.add\(\): argument 'by'"):
        call(session, "Steering.add", JsonArguments('{"by": "much"}'))
    with pytest.raises(FunctionMissingError, match=r"did you mean 'Steering\.add'"):
        call(session, "Steering.ad", 1)
    with pytest.raises(RemoteError, match="no"):
        call(session, "Steering.fail")


def test_the_schema_tells_the_group_and_its_options(
    shared: ScopedSandbox, interface_file: Callable[[str], Any]
) -> None:
    schema = shared.serve(interface_file(SOURCE), name="steering").schema
    functions = {each.name: each for each in schema.functions}

    assert [(each.name, each.doc) for each in schema.groups] == [
        ("Steering", "Steers, and remembers.")
    ]
    assert {each.group for each in schema.functions} == {"", "Steering"}
    assert functions["steered"].group == ""
    assert (functions["Steering.get"].is_read_only, functions["Steering.get"].is_idempotent) == (
        True,
        True,
    )
    assert functions["Steering.later"].is_async
    assert functions["Steering.steps"].is_stream
    assert functions["Steering.squares"].parameters[0].type.name == "int"


def test_the_journal_has_the_names(
    shared: ScopedSandbox, interface_file: Callable[[str], Any]
) -> None:
    library = shared.serve(interface_file(SOURCE), name="noted")
    with Session(library.connection) as session:
        call(session, "Steering.add", 2.0)
        call(session, "Steering.double", 2)

    calls = shared.calls(interface="noted", function="Steering.add")

    assert [(each.function, each.arguments) for each in calls] == [("Steering.add", "2.0")]


def test_the_log_is_asked_by_the_names(
    scoped: ScopedSandbox, interface_file: Callable[[str], Any]
) -> None:
    library = scoped.serve(interface_file(SOURCE), name="noted")
    with Session(library.connection) as session:
        call(session, "Steering.add", 2.0)
        call(session, "steered")
    scoped.calls()
    command = ["log", "noted", "--function", "Steering.add", "--json"]

    finished = subprocess.run(
        [str(Path(sys.executable).with_name("seer")), *command],
        capture_output=True,
        text=True,
        check=True,
    )

    (record,) = map(json.loads, finished.stdout.splitlines())
    assert (record["function"], record["arguments"]) == ("Steering.add", "2.0")


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("@expose\nclass A:\n    def __init__(self, n): ...\n    def f(self): ...", "needs n"),
        ("class A:\n    @expose\n    def f(self): ...", "put @expose above the class, too"),
        ("@expose\nclass A:\n    def f(self): ...\n@expose\ndef A(): ...", "both exposed as 'A'"),
        ("@expose\nclass A:\n    def __init__(self): 1 / 0\n    def f(self): ...", "division"),
    ],
)
def test_what_cannot_be_exposed_does_not_load(
    shared: ScopedSandbox, interface_file: Callable[[str], Any], source: str, problem: str
) -> None:
    with pytest.raises(InterfaceLoadError, match=problem):
        shared.serve(interface_file(source))


def test_a_library_has_the_class(
    shared: ScopedSandbox, interface_file: Callable[[str], Any]
) -> None:
    library = shared.serve(interface_file(SOURCE), name="with_groups")

    assert "\nclass Steering:" in library.files["__init__.py"]
