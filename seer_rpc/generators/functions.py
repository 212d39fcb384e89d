"""The schema's functions as definitions in generated source."""

from __future__ import annotations

import ast

from seer_rpc.generators.annotations import Annotations
from seer_rpc.generators.names import method_name
from seer_rpc.generators.references import gives_references
from seer_runtime.wire.pb.interface_pb2 import Function, InterfaceSchema, Parameter, Type

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_REFERABLE = frozenset({"numpy.ndarray", "torch.Tensor"})


class Definitions:
    """Defines functions that call the interface through `remote`."""

    def __init__(
        self, schema: InterfaceSchema, types: Annotations, remote: str, *, is_async: bool
    ) -> None:
        """Define functions of the schema, as coroutines where `is_async`."""
        self._schema = schema
        self._types = types
        self._remote = remote
        self._is_async = is_async
        self._has_references = gives_references(schema)

    def all(self) -> list[ast.stmt]:
        """Define all functions, and each group as a class where its first function stands."""
        statements: list[ast.stmt] = []
        groups: dict[str, ast.ClassDef] = {}
        docs = {group.name: group.doc for group in self._schema.groups if group.doc}
        for function in self._schema.functions:
            group = function.group
            if not group:
                statements.append(self._function(function))
                continue
            if group not in groups:
                head = [ast.Expr(ast.Constant(docs[group]))] if group in docs else []
                groups[group] = ast.ClassDef(group, [], [], [*head], [])
                statements.append(groups[group])
            groups[group].body.append(self._function(function))
        return statements

    def with_options(self) -> ast.stmt:
        """Define what sets the options of calls."""
        types = self._types
        seconds = ast.BinOp(types.builtin("float"), ast.BitOr(), ast.Constant(None))
        hears = types.qualified("seer_rpc.progress", "OnProgress")
        options = {
            "timeout": (seconds, types.qualified("seer_rpc.client", "SERVER_DEFAULT")),
            "on_progress": (ast.BinOp(hears, ast.BitOr(), ast.Constant(None)), ast.Constant(None)),
        }
        named = [ast.arg(name, annotation) for name, (annotation, _) in options.items()]
        defaults: list[ast.expr | None] = [default for _, default in options.values()]
        given = [ast.keyword(name, ast.Name(name)) for name in options]
        method = ast.Attribute(ast.Name(self._remote), "with_options")
        manager = types.qualified("contextlib", "AbstractContextManager")
        return ast.FunctionDef(
            "with_options",
            ast.arguments([], [], None, named, defaults, None, []),
            [ast.Expr(ast.Constant(_WITH_OPTIONS)), ast.Return(ast.Call(method, [], given))],
            [],
            ast.Subscript(manager, ast.Constant(None)),
        )

    def _function(self, function: Function) -> ast.stmt:
        result = self._result(function)
        method = "call_async" if self._is_async else "call"
        if self._is_async and function.is_stream:
            method = "stream_async"
        call: ast.expr = self._call(function, method)
        # A stream is called when its first item is awaited.
        is_coroutine = self._is_async and not function.is_stream
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
        decorators = [self._types.builtin("staticmethod")] if function.group else []
        arguments = self._arguments(function)
        return definition(method_name(function), arguments, body, decorators, result)

    def _result(self, function: Function) -> ast.expr:
        result = self._types.render(function.result)
        if not function.is_stream:
            return result
        iterator = "AsyncIterator" if self._is_async else "Iterator"
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
            default = self._default(parameter) if parameter.kind in _POSITIONAL else None
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
        if value is not None:
            return value
        text = parameter.default.text
        if parameter.default.is_literal or text in ("", "..."):
            return self._types.qualified("seer_rpc.client", "SERVER_DEFAULT")
        # It cannot be made here, but it can be shown.
        shows = self._types.qualified("seer_rpc.client", "server_default")
        return ast.Call(shows, [ast.Constant(text)], [])

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


_WITH_OPTIONS = """\
Set what holds for the calls that this thread or task makes inside a `with` block.

What is left out stays as it is around the block.

Args:
    timeout: Seconds that a call may take, a stream as a whole; None lifts the limit that the
        interface sets for a function.
    on_progress: Hears how far calls are, in place of the bars on the terminal: of a call, its
        function, what is done (None: it is over), in all (or None) and a message.

Raises:
    ArgumentError: no call can take that long.
"""
