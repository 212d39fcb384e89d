"""The schema's exceptions as classes in generated source."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Mapping

from seer_rpc.errors import RemoteError
from seer_rpc.generators.annotations import Annotations
from seer_runtime.wire.pb.interface_pb2 import ExceptionType


def exception_definitions(described: Iterable[ExceptionType], types: Annotations) -> list[ast.stmt]:
    """Give the classes for a schema's exceptions, derived from one another as they are there.

    Bases with which Python could not make a class are left out.
    """
    made: dict[str, type] = {}
    definitions: list[ast.stmt] = []
    for each in described:
        bases = _bases(each, made)
        made[each.name] = type(each.name, bases, {})
        body: list[ast.stmt] = [ast.Expr(ast.Constant(each.doc))] if each.doc else [ast.Pass()]
        rendered = [_render(base, made, types) for base in bases]
        definitions.append(ast.ClassDef(each.name, rendered, [], body, []))
    return definitions


def _bases(described: ExceptionType, made: Mapping[str, type]) -> tuple[type, ...]:
    """Give as many of the bases as go together, RemoteError among them or theirs."""
    own = [made[base.name] for base in described.bases if base.named and base.name in made]
    bases: tuple[type, ...] = ()
    # What every error of ours does comes before what the builtin ones do.
    for base in (*(own or [RemoteError]), *_builtin_bases(described)):
        if not any(issubclass(kept, base) for kept in bases) and _go_together(*bases, base):
            bases = (*bases, base)
    return bases


def _builtin_bases(described: ExceptionType) -> Iterator[type]:
    for base in described.bases:
        cls = vars(builtins).get(base.name)
        # There are some that no error of ours can be.
        if not base.named and cls and RemoteError.of(base.name) is not RemoteError:
            yield cls


def _go_together(*bases: type) -> bool:
    try:
        type("Derived", bases, {})
    except TypeError:
        return False
    return True


def _render(base: type, made: Mapping[str, type], types: Annotations) -> ast.expr:
    if base is RemoteError:
        return types.qualified(base.__module__, base.__name__)
    if base is made.get(base.__name__):
        return ast.Name(base.__name__)
    return types.builtin(base.__name__)
