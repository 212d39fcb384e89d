"""An interface schema to a Python package: typed functions, sync and async, that call it.

The source is built as a syntax tree, so that nothing in a schema can break out of its place.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable, Iterator, Mapping

from ruff import find_ruff_bin

from seer_rpc.generators.annotations import Annotations
from seer_rpc.generators.checks import check_schema
from seer_rpc.generators.exceptions import exception_definitions
from seer_rpc.generators.functions import Definitions
from seer_rpc.generators.names import AIO, WITH_OPTIONS, method_name
from seer_rpc.generators.types import type_definition
from seer_runtime.wire.outline import outline
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema, NamedType


def library_files(schema: InterfaceSchema) -> dict[str, str]:
    """Give the package's files by their names inside its folder.

    The same functions are in the package itself, and as coroutines in its module `aio`. The
    files hold neither address nor secret.

    Raises:
        ConfigError: a name is none in Python, or is taken by the package itself.
    """
    check_schema(schema)
    return {
        "__init__.py": _render(_Module(schema).functions(is_async=False)),
        f"{AIO}.py": _render(_Module(schema).functions(is_async=True)),
        "_remote.py": _render(_Module(schema).remote()),
        "py.typed": "",
    }


class _Module:
    """One module of the package."""

    def __init__(self, schema: InterfaceSchema) -> None:
        self._schema = schema
        self._named = [named.name for named in schema.types]
        self._classes = [*self._named, *(each.name for each in schema.exceptions)]
        taken = [*_names(schema), *self._classes, WITH_OPTIONS]
        enums = [each for each in schema.types if each.kind == NamedType.ENUM]
        members = [f"{each.name}.{member.name}" for each in enums for member in each.members]
        self._types = Annotations(taken, members, self._named)
        self._future = "_annotations" if "annotations" in taken else None
        self._remote = self._types.private("remote")
        # Its name in the module that makes it, where the classes are its only neighbours.
        self._made = self._remote if "remote" in self._classes else "remote"

    def functions(self, *, is_async: bool) -> ast.Module:
        """Give the module that holds the functions."""
        define = Definitions(self._schema, self._types, self._remote, is_async=is_async)
        definitions = [*define.all(), define.with_options()]
        functions = {each.group or each.name for each in self._schema.functions}
        exported = sorted([*self._classes, *functions, WITH_OPTIONS])
        names = ast.List([ast.Constant(name) for name in exported])
        own = [ast.alias(name) for name in self._classes]
        return self._module(
            self._schema.doc,
            *self._types.imports(),
            ast.ImportFrom("_remote", [*own, ast.alias(self._made, self._remote)], 1),
            ast.Assign([ast.Name("__all__")], names),
            *definitions,
        )

    def remote(self) -> ast.Module:
        """Give the module that holds the types, the exceptions and the way to the interface."""
        types = [each for each in self._schema.types if each.kind != NamedType.ALIAS]
        aliases = [each for each in self._schema.types if each.kind == NamedType.ALIAS]
        definitions = [
            statement
            for each in (*types, *aliases)
            for statement in type_definition(each, self._types)
        ]
        exceptions = exception_definitions(self._schema.exceptions, self._types)
        remote = ast.Call(
            self._types.qualified("seer_rpc.client", "RemoteInterface"),
            [
                ast.Constant(self._schema.name),
                ast.Constant(self._schema.hash),
                ast.Name("__file__"),
                _registry((each.name, each.name) for each in types),
                _registry((each.qualified_name, each.name) for each in self._schema.exceptions),
            ],
            [ast.keyword("outline", _texts(outline(self._schema))), *self._timeouts()],
        )
        return self._module(
            f"The types of {self._schema.name}, and the way to where it runs.",
            *self._types.imports(),
            *definitions,
            *exceptions,
            ast.Assign([ast.Name(self._made)], remote),
        )

    def _timeouts(self) -> list[ast.keyword]:
        timeouts = {each.name: each.timeout for each in self._schema.functions if each.timeout}
        if not timeouts:
            return []
        names: list[ast.expr | None] = [ast.Constant(name) for name in timeouts]
        seconds: list[ast.expr] = [ast.Constant(timeout) for timeout in timeouts.values()]
        return [ast.keyword("timeouts", ast.Dict(names, seconds))]

    def _module(self, doc: str, *body: ast.stmt) -> ast.Module:
        head: list[ast.stmt] = [ast.Expr(ast.Constant(doc))] if doc else []
        head.append(ast.ImportFrom("__future__", [ast.alias("annotations", self._future)], 0))
        return ast.fix_missing_locations(ast.Module([*head, *body], []))


def _names(schema: InterfaceSchema) -> Iterator[str]:
    """Give the names that stand in the package beside those of its classes."""
    for function in schema.functions:
        yield from filter(None, (function.group, method_name(function)))
        yield from (parameter.name for parameter in function.parameters)
    for described in schema.types:
        yield from (field.name for field in described.fields)
        yield from (member.name for member in described.members)


def _registry(names: Iterable[tuple[str, str]]) -> ast.Dict:
    """Give a dictionary of classes; `names` are its keys, and what the classes are called."""
    registry = ast.Dict([], [])
    for key, name in names:
        registry.keys.append(ast.Constant(key))
        registry.values.append(ast.Name(name))
    return registry


def _texts(texts: Mapping[str, str]) -> ast.Dict:
    return ast.Dict([ast.Constant(key) for key in texts], [ast.Constant(t) for t in texts.values()])


def _render(module: ast.Module) -> str:
    formatted = subprocess.run(
        [find_ruff_bin(), "format", "--isolated", "--quiet", "--line-length=100", "-"],
        input=ast.unparse(module),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return formatted.stdout
