"""Expressions that may be evaluated: they name, combine and note types, and do nothing else."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import datetime as dt
import decimal
import enum
import pathlib
import typing
from collections.abc import Iterator, Mapping
from typing import Any

import annotated_types
import pydantic
import pydantic.dataclasses
import typing_extensions

from seer_runtime.static.libraries import ShapedArray

BUILTINS: Mapping[str, Any] = {
    "__build_class__": builtins.__build_class__,
    **{name: each for name, each in vars(builtins).items() if isinstance(each, type)},
}
"""What source has without an import: classes, and what makes classes."""

_CALLABLE: tuple[Any, ...] = (
    *(bool, bytes, complex, dict, float, frozenset, int, list, set, str, tuple),
    *(dt.date, dt.datetime, dt.time, dt.timedelta, decimal.Decimal),
    *(pathlib.Path, pathlib.PurePath, enum.auto, dataclasses.dataclass, dataclasses.field),
    *(enum.Enum, enum.IntEnum, enum.StrEnum, enum.Flag, enum.IntFlag),
    *(pydantic.Field, pydantic.ConfigDict, pydantic.StringConstraints),
    pydantic.dataclasses.dataclass,
    *(typing.NewType, typing.TypeVar, typing.NamedTuple, typing.TypedDict),
    *(typing_extensions.NamedTuple, typing_extensions.TypedDict, typing_extensions.TypeVar),
    *(typing_extensions.TypeAliasType, typing_extensions.Doc),
    *(each for each in vars(annotated_types).values() if isinstance(each, type)),
)
_PLAIN = (ast.Constant, ast.Name, ast.Tuple, ast.List, ast.Set, ast.Dict)
_NUMERIC = (ast.Add, ast.Sub, ast.Mult, ast.LShift)
_SMALL = range(64)


class RefusedError(Exception):
    """An expression that does more than it may."""


class Expressions:
    """Evaluates what may be evaluated, with the names of one file."""

    def __init__(self, names: dict[str, Any]) -> None:
        """Look names up in `names`."""
        self._names = names

    def evaluate(self, node: ast.expr) -> Any:
        """Give the value of an expression.

        Raises:
            RefusedError: it does more than it may.
            Exception: whatever it raises.
        """
        self.check(node)
        tree = ast.fix_missing_locations(ast.Expression(node))
        code = compile(tree, "<expression>", "eval", dont_inherit=True)
        return eval(code, self._names)

    def check(self, node: ast.expr) -> None:
        """See to it that an expression may be evaluated, and what is text in it as well.

        Raises:
            RefusedError: it may not.
        """
        match node:
            case ast.Attribute(value=value, attr=name) if not name.startswith("_"):
                self.check(value)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                self.check(left)
                self.check(right)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                self.check(operand)
            case ast.Call():
                self._check_call(node)
            case ast.Constant(value=str(text)):
                self._check_text(text)
            case ast.Subscript(value=value, slice=part):
                self.check(value)
                for each in self._types_in(value, part):
                    self.check(each)
            case _:
                self._check_plain(node)

    def _check_plain(self, node: ast.expr) -> None:
        if not isinstance(node, _PLAIN) and not _is_number(node):
            raise RefusedError(ast.unparse(node))
        for each in _parts(node):
            self.check(each)

    def _check_call(self, node: ast.Call) -> None:
        callee = self.evaluate(node.func)
        if not any(callee is each for each in _CALLABLE):
            raise RefusedError(ast.unparse(node))
        for each in (*node.args, *(keyword.value for keyword in node.keywords)):
            # What is text here is no type.
            if not isinstance(each, ast.Constant):
                self.check(each)

    def _check_text(self, text: str) -> None:
        """Text may be a type that is resolved later."""
        try:
            inner = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError):
            return
        if not (isinstance(inner, ast.Constant) and inner.value == text):
            self.check(inner)

    def _types_in(self, value: ast.expr, part: ast.expr) -> Iterator[ast.expr]:
        """Give what is a type between the brackets."""
        try:
            generic = self.evaluate(value)
        except Exception:  # noqa: BLE001 - a name that does not exist may be anything
            generic = None
        parts = list(part.elts) if isinstance(part, ast.Tuple) else [part]
        if generic in (typing.Literal, typing_extensions.Literal):
            yield from (each for each in parts if not isinstance(each, ast.Constant))
        elif generic is typing.Annotated or isinstance(generic, ShapedArray):
            yield parts[0]
            yield from (each for each in parts[1:] if not isinstance(each, ast.Constant))
        else:
            yield from parts


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    """Give what may be a type in an expression; a dictionary's key that is text is none."""
    if isinstance(node, ast.Dict):
        yield from (each for each in node.keys if each and not isinstance(each, ast.Constant))
        yield from node.values
    else:
        yield from (each for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr))


def _is_number(node: ast.expr) -> bool:
    """Tell whether an expression computes a number with as much as members of flags need."""
    match node:
        case ast.BinOp(
            left=ast.Constant(value=int(left)), op=operator, right=ast.Constant(value=int(right))
        ):
            return left in _SMALL and right in _SMALL and isinstance(operator, _NUMERIC)
    return False
