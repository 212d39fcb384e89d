"""An interface schema to a Python package: typed functions, sync and async, that call it.

The source is built as a syntax tree, so that nothing in a schema can break out of its place.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable

from ruff import find_ruff_bin

from seer_rpc.errors import ConfigError
from seer_rpc.generators.annotations import Annotations
from seer_rpc.generators.exceptions import exception_definitions
from seer_rpc.generators.names import check_names
from seer_rpc.generators.types import class_definition
from seer_runtime.wire.pb.interface_pb2 import (
    Function,
    InterfaceSchema,
    NamedType,
    Parameter,
    Type,
)

_ASYNC = "aio"
_REFERABLE = frozenset({"numpy.ndarray", "torch.Tensor"})
_REFERENCES = frozenset({"seer_rpc.client.Ref", "seer_rpc.client.TensorRef"})


def library_files(schema: InterfaceSchema) -> dict[str, str]:
    """Give the package's files by their names inside its folder.

    The same functions are in the package itself, and as coroutines in its module `aio`. The
    files hold neither address nor secret.

    Raises:
        ConfigError: a name is none in Python, or is taken by the package itself.
    """
    check_names(schema)
    if any(function.name == _ASYNC for function in schema.functions):
        raise ConfigError(
            f"interface {schema.name!r} exposes {_ASYNC!r}, which is the library's async module",
            hint="rename the function",
        )
    return {
        "__init__.py": _render(_Module(schema).functions(is_async=False)),
        f"{_ASYNC}.py": _render(_Module(schema).functions(is_async=True)),
        "_remote.py": _render(_Module(schema).remote()),
        "py.typed": "",
    }


class _Module:
    """One module of the package."""

    def __init__(self, schema: InterfaceSchema) -> None:
        self._schema = schema
        self._named = [named.name for named in schema.types]
        self._classes = [*self._named, *(each.name for each in schema.exceptions)]
        functions = [function.name for function in schema.functions]
        parameters = [p.name for function in schema.functions for p in function.parameters]
        fields = [field.name for described in schema.types for field in described.fields]
        taken = [*functions, *parameters, *fields, *self._classes]
        enums = [each for each in schema.types if each.kind == NamedType.ENUM]
        members = [f"{each.name}.{member.name}" for each in enums for member in each.members]
        self._types = Annotations(taken, members)
        self._has_references = any(_is_reference(each.result) for each in schema.functions)
        self._future = "_annotations" if "annotations" in taken else None
        self._remote = self._types.private("remote")
        # Its name in the module that makes it, where the classes are its only neighbours.
        self._made = self._remote if "remote" in self._classes else "remote"

    def functions(self, *, is_async: bool) -> ast.Module:
        """Give the module that holds the functions."""
        definitions = [self._function(each, is_async=is_async) for each in self._schema.functions]
        exported = sorted([*self._classes, *(each.name for each in self._schema.functions)])
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
        classes = [class_definition(each, self._types) for each in self._schema.types]
        exceptions = exception_definitions(self._schema.exceptions, self._types)
        remote = ast.Call(
            self._types.qualified("seer_rpc.client", "RemoteInterface"),
            [
                ast.Constant(self._schema.name),
                ast.Constant(self._schema.hash),
                ast.Name("__file__"),
                _registry((name, name) for name in self._named),
                _registry((each.qualified_name, each.name) for each in self._schema.exceptions),
            ],
            [],
        )
        return self._module(
            f"The types of {self._schema.name}, and the way to where it runs.",
            *self._types.imports(),
            *classes,
            *exceptions,
            ast.Assign([ast.Name(self._made)], remote),
        )

    def _module(self, doc: str, *body: ast.stmt) -> ast.Module:
        head: list[ast.stmt] = [ast.Expr(ast.Constant(doc))] if doc else []
        head.append(ast.ImportFrom("__future__", [ast.alias("annotations", self._future)], 0))
        return ast.fix_missing_locations(ast.Module([*head, *body], []))

    def _function(self, function: Function, *, is_async: bool) -> ast.stmt:
        result = self._result(function, is_async=is_async)
        method = "call_async" if is_async else "call"
        if is_async and function.is_stream:
            method = "stream_async"
        call: ast.expr = self._call(function, method)
        # A stream is called when its first item is awaited.
        is_coroutine = is_async and not function.is_stream
        if is_coroutine:
            call = ast.Await(call)
        body: list[ast.stmt] = []
        if function.doc:
            body.append(ast.Expr(ast.Constant(function.doc)))
        match "stream" if function.is_stream else function.result.name:
            case "none":
                body.append(ast.Expr(call))
            case "any":
                body.append(ast.Return(call))
            case _:
                value = self._types.private("result")
                body.append(ast.AnnAssign(ast.Name(value), result, call, 1))
                body.append(ast.Return(ast.Name(value)))
        definition = ast.AsyncFunctionDef if is_coroutine else ast.FunctionDef
        return definition(function.name, self._arguments(function), body, [], result)

    def _result(self, function: Function, *, is_async: bool) -> ast.expr:
        result = self._types.render(function.result)
        if not function.is_stream:
            return result
        iterator = "AsyncIterator" if is_async else "Iterator"
        return ast.Subscript(self._types.qualified("collections.abc", iterator), result)

    def _arguments(self, function: Function) -> ast.arguments:
        arguments = ast.arguments([], [], None, [], [], None, [])
        for parameter in function.parameters:
            argument = ast.arg(parameter.name, self._parameter_type(parameter.type))
            match parameter.kind:
                case Parameter.POSITIONAL_ONLY:
                    arguments.posonlyargs.append(argument)
                case Parameter.POSITIONAL_OR_KEYWORD:
                    arguments.args.append(argument)
                case Parameter.VAR_POSITIONAL:
                    arguments.vararg = argument
                case Parameter.KEYWORD_ONLY:
                    arguments.kwonlyargs.append(argument)
                    arguments.kw_defaults.append(self._default(parameter))
                case Parameter.VAR_KEYWORD:
                    arguments.kwarg = argument
            positional = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
            default = self._default(parameter) if parameter.kind in positional else None
            if default is not None:
                arguments.defaults.append(default)
        return arguments

    def _parameter_type(self, described: Type) -> ast.expr:
        """Give what callers may pass: a handle stands for a tensor that stayed in the sandbox."""
        annotation = self._types.render(described)
        if described.name not in _REFERABLE or not self._has_references:
            return annotation
        reference = self._types.qualified("seer_rpc.client", "TensorRef")
        return ast.BinOp(annotation, ast.BitOr(), reference)

    def _default(self, parameter: Parameter) -> ast.expr | None:
        if not parameter.HasField("default"):
            return None
        value = self._types.default(parameter.default)
        return value or self._types.qualified("seer_rpc.client", "SERVER_DEFAULT")

    def _call(self, function: Function, method: str) -> ast.Call:
        """Pass by name what can be passed by name."""
        kinds = {parameter.kind for parameter in function.parameters}
        by_position: list[ast.expr] = []
        names: list[ast.expr | None] = []
        values: list[ast.expr] = []
        for parameter in function.parameters:
            value = ast.Name(parameter.name)
            match parameter.kind:
                case Parameter.VAR_POSITIONAL:
                    by_position.append(ast.Starred(value))
                case Parameter.VAR_KEYWORD:
                    names.append(None)
                    values.append(value)
                case Parameter.POSITIONAL_ONLY:
                    by_position.append(value)
                case Parameter.POSITIONAL_OR_KEYWORD if Parameter.VAR_POSITIONAL in kinds:
                    by_position.append(value)
                case _:
                    names.append(ast.Constant(parameter.name))
                    values.append(value)
        return ast.Call(
            ast.Attribute(ast.Name(self._remote), method),
            [ast.Constant(function.name), ast.Tuple(by_position), ast.Dict(names, values)],
            [],
        )


def _registry(names: Iterable[tuple[str, str]]) -> ast.Dict:
    """Give a dictionary of classes; `names` are its keys, and what the classes are called."""
    registry = ast.Dict([], [])
    for key, name in names:
        registry.keys.append(ast.Constant(key))
        registry.values.append(ast.Name(name))
    return registry


def _is_reference(described: Type) -> bool:
    """Tell whether a type is that of a reference, or has one in it."""
    return described.name in _REFERENCES or any(map(_is_reference, described.arguments))


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
