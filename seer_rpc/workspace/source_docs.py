"""What there is to know about a module, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeAlias

from seer_rpc.parsing import parse_module

_Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def source_docs(source: str) -> str:
    """Give a module's docstring, and its public functions and classes with a line each.

    Of what is no Python nothing is known.
    """
    try:
        module = parse_module(source)
    except (SyntaxError, ValueError, RecursionError):
        return ""
    lines = "\n".join(_lines(module))
    return "\n\n".join(filter(None, [ast.get_docstring(module), lines]))


def _lines(module: ast.Module) -> Iterator[str]:
    for each in module.body:
        if isinstance(each, _DEFINITION) and not each.name.startswith("_"):
            doc = (ast.get_docstring(each) or "").partition("\n")[0]
            yield f"- `{_signature(each)}`{doc and f': {doc}'}"


def _signature(node: _Definition) -> str:
    if isinstance(node, ast.ClassDef):
        return f"class {node.name}"
    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    prefix = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    return f"{prefix}{node.name}({ast.unparse(node.args)}){result}"
