"""A schema's literal values as syntax: text from a schema is never trusted to be harmless."""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import Any

from seer_rpc.parsing import parse_expression

_NUMBERS = ("inf", "-inf", "nan")
_NO_VALUE = (ValueError, TypeError, SyntaxError, RecursionError, MemoryError)


def value_of(text: str, members: Collection[str] = ()) -> ast.expr | None:
    """Give the syntax of a literal; None where `text` is none.

    Literals are Python's, with `float("inf")`, `set()` and those `members` of enums, written as
    `Class.MEMBER`, among them.
    """
    try:
        value = parse_expression(text)
        _evaluate(value, members)
        # Numbers can have too many digits for it.
        ast.unparse(value)
    except _NO_VALUE:
        return None
    return value


def evaluated(text: str, instead: Any) -> Any:
    """Give a literal's value, lists for tuples; `instead` where `text` is none."""
    value = value_of(text)
    return instead if value is None else _evaluate(value, ())


def is_literal_member(value: ast.expr) -> bool:
    """Tell whether a value, which `value_of` gave, may stand in a literal type."""
    match value:
        case ast.Constant(None | bool() | int() | str() | bytes()) | ast.Attribute():
            return True
        case ast.UnaryOp(ast.USub(), ast.Constant(int())):
            return True
    return False


def _evaluate(node: ast.expr, members: Collection[str]) -> Any:
    """Do what Python would do with the literal; raises where it would, or where it is none."""
    match node:
        case ast.Call(func=ast.Name("float"), args=[ast.Constant(str(number))], keywords=[]):
            if number not in _NUMBERS:
                raise ValueError(number)
            return float(number)
        case ast.Call(func=ast.Name("set"), args=[], keywords=[]):
            return set()
        case ast.Attribute(value=ast.Name(name), attr=member):
            if f"{name}.{member}" not in members:
                raise ValueError(name)
            return (name, member)
        case ast.List(elements) | ast.Tuple(elements):
            return [_evaluate(each, members) for each in elements]
        case ast.Set(elements):
            return {_key(each, members) for each in elements}
        case ast.Dict(keys, values):
            # A key that is None stands for ** in the source.
            pairs = zip(keys, values, strict=True)
            return {_key(key, members): _evaluate(each, members) for key, each in pairs}
    return ast.literal_eval(node)


def _key(node: ast.expr | None, members: Collection[str]) -> Any:
    if node is None or isinstance(node, ast.List | ast.Set | ast.Dict):
        raise TypeError("no key")
    value = _evaluate(node, members)
    return tuple(value) if isinstance(value, list) else value
