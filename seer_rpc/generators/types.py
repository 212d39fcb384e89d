"""The schema's named types as classes and aliases in generated source."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from seer_rpc.generators.annotations import Annotations
from seer_rpc.generators.names import is_name
from seer_runtime.wire.pb.interface_pb2 import Field, Member, NamedType

_MUTABLE = (ast.List, ast.Dict, ast.Set, ast.Call)


def type_definition(described: NamedType, types: Annotations) -> list[ast.stmt]:
    """Give what defines a named type."""
    if described.kind == NamedType.ALIAS:
        return _alias(described, types)
    if described.kind == NamedType.TYPED_DICT and not all(map(_is_attribute, described.fields)):
        return _call(described, types)
    return [_class(described, types)]


def _alias(described: NamedType, types: Annotations) -> list[ast.stmt]:
    # As text: it may speak of itself, and of what is only there for type checkers.
    meant = ast.Constant(ast.unparse(types.render(described.fields[0].type)))
    alias = types.qualified("typing", "TypeAlias")
    definition = ast.AnnAssign(ast.Name(described.name), alias, meant, 1)
    return [definition, *_doc(described)]


def _call(described: NamedType, types: Annotations) -> list[ast.stmt]:
    """Define a typed dictionary with keys that no class could have."""
    keys: list[ast.expr | None] = [ast.Constant(field.name) for field in described.fields]
    # As text: what they name may come later.
    hints = [ast.Constant(ast.unparse(types.render(field.type))) for field in described.fields]
    values = [
        _marked(field, hint, types) for field, hint in zip(described.fields, hints, strict=True)
    ]
    function = types.qualified("typing", "TypedDict")
    call = ast.Call(function, [ast.Constant(described.name), ast.Dict(keys, values)], [])
    return [ast.Assign([ast.Name(described.name)], call), *_doc(described)]


def _is_attribute(field: Field) -> bool:
    return is_name(field.name) and not field.name.startswith("__")


def _doc(described: NamedType) -> list[ast.stmt]:
    return [ast.Expr(ast.Constant(described.doc))] if described.doc else []


def _class(described: NamedType, types: Annotations) -> ast.stmt:
    body = _doc(described)
    bases: list[ast.expr] = []
    decorators: list[ast.expr] = []
    match described.kind:
        case NamedType.ENUM:
            bases = [types.qualified("enum", described.base)]
            body.extend(_member(member, types) for member in described.members)
        case NamedType.TYPED_DICT:
            bases = [types.qualified("typing", "TypedDict")]
            body.extend(_key(field, types) for field in described.fields)
        case NamedType.NAMED_TUPLE:
            bases = [types.qualified("typing", "NamedTuple")]
            body.extend(_tuple_fields(described.fields, types))
        case _:
            decorators = [_dataclass(described, types)]
            body.extend(_dataclass_fields(described.fields, types))
    return ast.ClassDef(described.name, bases, [], body or [ast.Pass()], decorators)


def _dataclass(described: NamedType, types: Annotations) -> ast.expr:
    decorator = types.qualified("dataclasses", "dataclass")
    if not described.frozen:
        return decorator
    return ast.Call(decorator, [], [ast.keyword("frozen", ast.Constant(True))])


def _member(member: Member, types: Annotations) -> ast.stmt:
    value = types.value(member.value)
    return ast.Assign([ast.Name(member.name)], value or ast.Constant(member.name))


def _key(field: Field, types: Annotations) -> ast.stmt:
    annotation = _marked(field, types.render(field.type), types)
    return ast.AnnAssign(ast.Name(field.name), annotation, None, 1)


def _marked(field: Field, hint: ast.expr, types: Annotations) -> ast.expr:
    """Say of a key's hint that it may be missing."""
    return ast.Subscript(types.qualified("typing", "NotRequired"), hint) if field.optional else hint


def _tuple_fields(fields: Sequence[Field], types: Annotations) -> Iterable[ast.stmt]:
    values = [types.default(field.default) for field in fields]
    # None may follow one with a default; where that is the server's alone, there is none here.
    last = max((place for place, value in enumerate(values) if value is None), default=-1)
    for place, field in enumerate(fields):
        value = values[place] if place > last else None
        yield ast.AnnAssign(ast.Name(field.name), types.render(field.type), value, 1)


def _dataclass_fields(fields: Iterable[Field], types: Annotations) -> Iterable[ast.stmt]:
    defaults_begun = False
    for field in fields:
        value = types.default(field.default)
        if field.computed:
            value = _field_call(types, "init", ast.Constant(False))
        elif value is None and defaults_begun:
            # Its default is the server's alone; by position it could not follow the others.
            value = _field_call(types, "kw_only", ast.Constant(True))
        elif isinstance(value, _MUTABLE):
            arguments = ast.arguments([], [], None, [], [], None, [])
            value = _field_call(types, "default_factory", ast.Lambda(arguments, value))
        defaults_begun = defaults_begun or value is not None
        yield ast.AnnAssign(ast.Name(field.name), types.render(field.type), value, 1)


def _field_call(types: Annotations, keyword: str, value: ast.expr) -> ast.expr:
    return ast.Call(types.qualified("dataclasses", "field"), [], [ast.keyword(keyword, value)])
