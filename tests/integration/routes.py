"""Ways to call a function with JSON, all of which are to give the same answers.

A route is made for an interface file that is served; it takes a function and its arguments, and
gives the result as JSON or how the call failed.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import io
import json
import operator
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias

import anyio.from_thread
import numpy as np
import numpy.typing as npt
import torch
from fastmcp import Client

from seer_rpc import cli, errors
from seer_rpc.client import Connection, Ref, ResultStream, TensorRef
from seer_rpc.environment import ScopedSandbox
from seer_rpc.environment.served import ServedInterface, ServedLibrary, ServedSkill
from seer_rpc.errors import SeerError
from seer_rpc.execution import create_local_session
from seer_rpc.generators.mcp import mcp_tools
from seer_rpc.locations import results_folder
from seer_rpc.mcp.interface.server import make_server
from seer_rpc.presentation import Exit, exit_of, present
from seer_rpc.shell import main
from seer_rpc.workspace import Workspace
from seer_runtime.arguments import ArgumentsError
from seer_runtime.json_arguments import JsonArgumentReader


class Answer(NamedTuple):
    """How a call ended, and its result."""

    status: Exit
    value: Any = None


REMEMBERING = {"group_counter", "module_state", "no_arguments", "prints"}
"""Files whose functions give something else when they were called before."""

Call: TypeAlias = Callable[..., Answer]
"""Takes a function, its arguments by name, and perhaps a `timeout`."""

Route: TypeAlias = Callable[[ScopedSandbox, Path, Path], contextlib.AbstractContextManager[Call]]
"""Takes a sandbox, an interface file to serve in it, and a folder to work in."""


@contextlib.contextmanager
def through_library(scoped: ScopedSandbox, file: Path, folder: Path) -> Iterator[Call]:
    """Call the functions of the generated library, with real values of the types that they name."""
    path = list(sys.path)
    library = ServedLibrary(*_served(scoped, file))
    create_local_session(Workspace(libraries=[library]), folder)
    module = importlib.import_module(file.stem)

    def call(function: str, arguments: Mapping[str, Any], timeout: float | None = None) -> Answer:
        args, kwargs = _given(operator.attrgetter(function)(module), module, arguments)
        options = {} if timeout is None else {"timeout": timeout}
        try:
            with module.with_options(**options):
                value = operator.attrgetter(function)(module)(*args, **kwargs)
                value = list(value) if isinstance(value, ResultStream) else value
        except TypeError as error:
            # Python itself refuses what the signature does not have.
            return Answer(exit_of(error) if isinstance(error, SeerError) else Exit.ARGUMENTS)
        except SeerError as error:
            return Answer(exit_of(error))
        return Answer(Exit.VALUE, present(value, results_folder()))

    try:
        yield call
    finally:
        sys.path[:] = path
        importlib.import_module(f"{file.stem}._remote").remote.close()
        for name in [each for each in sys.modules if each.partition(".")[0] == file.stem]:
            del sys.modules[name]


@contextlib.contextmanager
def through_skill(scoped: ScopedSandbox, file: Path, folder: Path) -> Iterator[Call]:
    """Call with the command of the generated skill."""
    skill = ServedSkill(*_served(scoped, file)).install(folder)

    def call(function: str, arguments: Mapping[str, Any], timeout: float | None = None) -> Answer:
        limit = [] if timeout is None else ["--timeout", str(timeout)]
        command = ["call", function, "--json", json.dumps(arguments), *limit]
        return _answer(lambda: main(skill, command))

    yield call


@contextlib.contextmanager
def through_seer_call(_: ScopedSandbox, file: Path, __: Path) -> Iterator[Call]:
    """Call with `seer call`, which serves the file in a sandbox of its own each time."""

    def call(function: str, arguments: Mapping[str, Any], timeout: float | None = None) -> Answer:
        limit = [] if timeout is None else ["--timeout", str(timeout)]
        command = ["call", str(file), function, "--json", json.dumps(arguments), *limit]
        return _answer(lambda: cli.main(command))

    yield call


@contextlib.contextmanager
def through_mcp(scoped: ScopedSandbox, file: Path, folder: Path) -> Iterator[Call]:
    """Call the tools of the MCP server, made in this process for each call, with a real client."""
    interface, way = _served(scoped, file)
    tools = {tool.function: tool for tool in mcp_tools(interface.schema)}
    folder.mkdir()
    connection = folder / "connection.json"
    connection.touch(0o600)
    connection.write_text(way.to_json())

    async def result(name: str, arguments: Mapping[str, Any], limit: float | None) -> Any:
        server = make_server(interface.schema, connection, folder, 45.0, limit)
        async with Client(server) as client:
            return await client.call_tool(name, dict(arguments), raise_on_error=False)

    def call(function: str, arguments: Mapping[str, Any], timeout: float | None = None) -> Answer:
        tool = tools.get(function)
        given = portal.call(result, tool.name if tool else function, arguments, timeout)
        if tool is None:
            assert given.is_error
            return Answer(Exit.NO_FUNCTION)
        if given.is_error:
            # What is refused before it is called has no type.
            details = (given.meta or {}).get("seer-rpc/error", {"type": "ArgumentError"})
            error = getattr(errors, details["type"], errors.RemoteError)
            return Answer(exit_of(error("")))
        plain = given.structured_content
        return Answer(Exit.VALUE, plain["result"] if tool.is_wrapped else plain)

    with anyio.from_thread.start_blocking_portal() as portal:
        yield call


def _served(scoped: ScopedSandbox, file: Path) -> tuple[ServedInterface, Connection]:
    """Serve a file, unless another route has: to load one takes longer than to call it."""
    place = scoped.sandbox_id, file.stem
    if _SERVED.get(place) != file or file.stem in REMEMBERING:
        scoped.serve(file)
        _SERVED[place] = file
    return scoped._interfaces[file.stem], scoped.connection(file.stem)


_SERVED: dict[tuple[str, str], Path] = {}


def _answer(command: Callable[[], None]) -> Answer:
    """Run a command in this process, and read what it prints."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    status = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        try:
            command()
        except SystemExit as error:
            status = typing.cast(int, error.code)
    out.seek(0)
    return Answer(Exit(status), json.loads(out.read()) if status == Exit.VALUE else None)


def _given(
    function: Callable[..., Any], module: ModuleType, plain: Mapping[str, Any]
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """Give JSON arguments as a caller of the library has them; what does not fit stays as it is."""
    names = {"_numpy": np, "numpy": np, "_torch": torch, "torch": torch}
    names["_numpy_typing"] = npt
    # The annotations are what they say, defaults or not.
    hints = typing.get_type_hints(function, localns={**vars(module), **names}, include_extras=True)
    # Nothing here stays in a sandbox.
    hints = {name: _without_references(hint) for name, hint in hints.items()}
    reader = JsonArgumentReader(function.__name__, inspect.signature(function), hints, {})
    try:
        args, kwargs = reader.read(json.dumps(plain), list)
    except ArgumentsError:
        return [], plain
    # What pydantic reads for an Iterable can be iterated, and nothing else.
    kwargs = {name: list(v) if isinstance(v, Iterator) else v for name, v in kwargs.items()}
    return [list(v) if isinstance(v, Iterator) else v for v in args], kwargs


def _without_references(hint: Any) -> Any:
    parts = [_without_references(each) for each in typing.get_args(hint) if each not in _REFERENCES]
    match typing.get_origin(hint):
        case typing.Union | types.UnionType:
            return functools.reduce(operator.or_, parts)
        case type() as origin if isinstance(hint, types.GenericAlias):
            return types.GenericAlias(origin, tuple(parts))
    return hint


_REFERENCES = (Ref, TensorRef)


ROUTES: Mapping[str, Route] = {
    "library": through_library,
    "skill": through_skill,
    "MCP": through_mcp,
    "seer call": through_seer_call,
}
