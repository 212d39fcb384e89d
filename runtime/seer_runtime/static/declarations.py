"""Declarations without what they do: definitions that name and note types, and run nothing."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias, TypeVar

from seer_runtime.static.expressions import Expressions

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Node = TypeVar("Node", bound=ast.AST)

OPAQUE, UNRESOLVED = "__opaque__", "__unresolved__"
"""The names of what stands for a value that is not known, and for a hint that cannot be resolved:
`__unresolved__[source, why]`."""

_KEPT = ("staticmethod", "classmethod", "property")
_OTHER_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


class Declarations:
    """Makes the definitions of one file bare."""

    def __init__(self, expressions: Expressions, expose: Callable[..., Any]) -> None:
        """Evaluate with `expressions`; of decorators, keep what marks for `expose`."""
        self._expressions = expressions
        self._expose = expose
        self.missing: dict[str, str] = {}
        """The names that stand for nothing here, and why."""

    def bare(self, node: ast.ClassDef | Definition) -> ast.stmt | None:
        """Give a definition without what it does; None where nothing is left."""
        if isinstance(node, ast.ClassDef):
            return self._class(node)
        return self._function(node, is_method=False)

    def value(self, node: ast.expr) -> Any:
        """Give the value of an expression, or what stands for one that is not known."""
        known = self._known(node)
        try:
            return self._expressions.evaluate(known)
        except Exception:  # noqa: BLE001 - what is refused, or names what is not there
            return self._expressions.evaluate(ast.Name(OPAQUE, ast.Load()))

    def is_expose(self, node: ast.expr) -> bool:
        """Tell whether an expression is what marks."""
        return self._is_evaluated(node) and bool(self._expressions.evaluate(node) == self._expose)

    def _class(self, node: ast.ClassDef) -> ast.ClassDef | None:
        decorators = [each for each in map(self._decorator, node.decorator_list) if each]
        bases = [each for each in node.bases if self._is_evaluated(each)]
        if len(bases) < len(node.bases) and not decorators:
            self.missing[node.name] = "its base is not read"
            return None
        keywords = [each for each in node.keywords if isinstance(each.value, ast.Constant)]
        body = [part for each in node.body for part in self._member(each)] or [ast.Pass()]
        return _at(ast.ClassDef(node.name, bases, keywords, body, decorators), node)

    def _member(self, statement: ast.stmt) -> Iterator[ast.stmt]:
        match statement:
            case ast.Expr(value=ast.Constant(value=str())):
                yield statement
            case ast.AnnAssign(target=ast.Name(), annotation=hint, value=value):
                known = None if value is None else self._known(value, checked=True)
                yield _at(ast.AnnAssign(statement.target, self._hint(hint), known, 1), statement)
            case ast.Assign(targets=[ast.Name()], value=value):
                yield _at(
                    ast.Assign(statement.targets, self._known(value, checked=True)), statement
                )
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                function = self._function(statement, is_method=True)
                if function is not None:
                    yield function
            case ast.ClassDef():
                inner = self._class(statement)
                if inner is not None:
                    yield inner

    def _function(self, node: Definition, *, is_method: bool) -> Definition | None:
        names = [ast.unparse(each).rpartition(".")[2] for each in node.decorator_list]
        is_special = is_method and node.name.startswith("__") and node.name != "__init__"
        if is_special or "overload" in names or "setter" in names:
            return None
        decorators = [each for each in map(self._decorator, node.decorator_list) if each]
        if is_method and "cached_property" in names:
            decorators = [ast.Name("property", ast.Load())]
        body: list[ast.stmt] = [ast.Pass()]
        if _has_yield(node.body):
            body = [ast.Expr(ast.Yield())]
        doc = ast.get_docstring(node, clean=False)
        if doc is not None:
            body.insert(0, ast.Expr(ast.Constant(doc)))
        returns = None if node.returns is None else self._hint(node.returns)
        kind = type(node)
        return _at(kind(node.name, self._arguments(node.args), body, decorators, returns), node)

    def _arguments(self, given: ast.arguments) -> ast.arguments:
        def bare(argument: ast.arg) -> ast.arg:
            hint = argument.annotation
            return ast.arg(argument.arg, None if hint is None else self._hint(hint))

        def default(value: ast.expr | None) -> Any:
            return None if value is None else self._known(value, checked=True)

        return ast.arguments(
            [bare(each) for each in given.posonlyargs],
            [bare(each) for each in given.args],
            bare(given.vararg) if given.vararg else None,
            [bare(each) for each in given.kwonlyargs],
            [default(each) for each in given.kw_defaults],
            bare(given.kwarg) if given.kwarg else None,
            [default(each) for each in given.defaults],
        )

    def _decorator(self, node: ast.expr) -> ast.expr | None:
        """Give a decorator that says something of what it is above; none of the others runs."""
        inner = node.func if isinstance(node, ast.Call) else node
        if self.is_expose(inner):
            options = node.keywords if isinstance(node, ast.Call) else []
            kept = [each for each in options if isinstance(each.value, ast.Constant)]
            return ast.Call(inner, [], kept)
        if isinstance(inner, ast.Name) and inner.id in _KEPT:
            return node
        return node if self._is_evaluated(node) and "dataclass" in ast.unparse(inner) else None

    def _known(self, node: ast.expr, *, checked: bool = False) -> ast.expr:
        """Give an expression with a stand-in for each argument that cannot be known.

        Where it is `checked`, the stand-in is for the whole of what cannot be evaluated.
        """
        if isinstance(node, ast.Call):
            arguments = [self._known(each, checked=True) for each in node.args]
            keywords = [
                ast.keyword(each.arg, self._known(each.value, checked=True))
                for each in node.keywords
            ]
            node = _at(ast.Call(node.func, arguments, keywords), node)
        if checked and not isinstance(node, ast.Constant) and not self._is_evaluated(node):
            return _at(ast.Name(OPAQUE, ast.Load()), node)
        return node

    def _is_evaluated(self, node: ast.expr) -> bool:
        try:
            self._expressions.evaluate(node)
        except Exception:  # noqa: BLE001 - what is refused, or names what is not there
            return False
        return True

    def _hint(self, node: ast.expr) -> ast.expr:
        """Give a hint that may be resolved later, or what says that it cannot be."""
        why = next((self.missing[each] for each in _names_in(node) if each in self.missing), "")
        if not why:
            try:
                self._expressions.check(node)
            except Exception:  # noqa: BLE001 - what is refused, or calls what is not there
                why = "it is more than a type"
        if not why:
            return node
        reason = ast.Tuple([ast.Constant(ast.unparse(node)), ast.Constant(why)], ast.Load())
        return ast.Subscript(ast.Name(UNRESOLVED, ast.Load()), reason, ast.Load())


def _has_yield(statements: Iterable[ast.AST]) -> bool:
    for each in statements:
        if isinstance(each, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(each, _OTHER_FUNCTIONS) and _has_yield(ast.iter_child_nodes(each)):
            return True
    return False


def _names_in(node: ast.expr) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            yield each.id
        elif isinstance(each, ast.Constant) and isinstance(each.value, str):
            # A type that is named before it is there.
            yield each.value


def _at(made: Node, node: ast.AST) -> Node:
    return ast.fix_missing_locations(ast.copy_location(made, node))
