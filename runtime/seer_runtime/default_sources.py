"""The source of defaults: what a file says where a value itself cannot be written down."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
from collections.abc import Callable, Mapping
from typing import Any

_Definition = ast.FunctionDef | ast.AsyncFunctionDef


def default_sources(function: Callable[..., Any]) -> Mapping[str, str]:
    """Give the source of each default of a function; of none where there is no file to read."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return {}
    for definition in _definitions(code.co_filename):
        # Where there are decorators, the first line is that of one of them.
        lines = [definition.lineno, *(each.lineno for each in definition.decorator_list)]
        if definition.name == code.co_name and code.co_firstlineno in lines:
            return _sources(definition.args)
    return {}


@functools.lru_cache(maxsize=16)
def _definitions(file: str) -> tuple[_Definition, ...]:
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return ()
    return tuple(each for each in ast.walk(tree) if isinstance(each, _Definition))


def _sources(arguments: ast.arguments) -> dict[str, str]:
    positional = [*arguments.posonlyargs, *arguments.args]
    given = positional[len(positional) - len(arguments.defaults) :]
    pairs = [
        *zip(given, arguments.defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return {each.arg: ast.unparse(default) for each, default in pairs if default is not None}
