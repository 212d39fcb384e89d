"""An interface schema as people read it: a line of Python for each function and each type."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from seer_runtime.wire.pb.interface_pb2 import (
    ExceptionType,
    Field,
    Function,
    InterfaceSchema,
    NamedType,
    Parameter,
    Type,
)

_STARS = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}
_KINDS = {
    NamedType.DATACLASS: "dataclass",
    NamedType.TYPED_DICT: "TypedDict",
    NamedType.NAMED_TUPLE: "NamedTuple",
    NamedType.ALIAS: "type",
}
_GENERIC = ("frozenset", "list", "set", "collections.abc.")
_OF_TWO = ("dict", "collections.abc.Mapping", "collections.abc.MutableMapping")


def outline(schema: InterfaceSchema) -> dict[str, str]:
    """Give the line of each function, type and exception by kind and name: "function add"."""
    return dict(_lines(schema))


def contract_hash(schema: InterfaceSchema) -> str:
    """Give the SHA-256 over what callers rely on, which is what the outline says."""
    content = json.dumps([schema.name, list(_lines(schema))])
    return hashlib.sha256(content.encode()).hexdigest()


def signature(function: Function, *, marked: bool = False) -> str:
    """Give a function's signature as Python writes it; a default that has no source is `...`.

    `marked` types are those whose hints could not be resolved: they are shown with a `?`.
    """
    result = type_text(function.result, marked=marked)
    if function.is_stream:
        result = f"Iterator[{result}]"
    return f"{function.name}({', '.join(_parameters(function, marked))}) -> {result}"


def type_text(described: Type, *, marked: bool = False) -> str:
    """Give a type as an annotation writes it."""
    parts = [type_text(each, marked=marked) for each in described.arguments]
    match described.name:
        case "none":
            return "None"
        case "any":
            return f"?{described.unresolved}" if marked and described.unresolved else "Any"
        case "...":
            return "..."
        case "union":
            return " | ".join(parts)
        case "literal":
            values = list(described.literals)
            return "Any" if "..." in values or not values else f"Literal[{', '.join(values)}]"
        case "tuple" if not parts:
            return "tuple[Any, ...]"
    parts = parts or ["Any"] * _arity(described.name)
    parts += filter(None, [described.dtype, described.shape])
    return f"{described.name}[{', '.join(parts)}]" if parts else described.name


def type_line(described: NamedType) -> str:
    """Give what a type consists of."""
    if described.kind == NamedType.ENUM:
        members = ", ".join(f"{each.name} = {each.value or '...'}" for each in described.members)
        return f"{described.base} {described.name}({members})"
    if described.kind == NamedType.ALIAS:
        return f"type {described.name} = {type_text(described.fields[0].type)}"
    frozen = "frozen " if described.frozen else ""
    fields = ", ".join(map(_field, described.fields))
    return f"{frozen}{_KINDS[described.kind]} {described.name}({fields})"


def exception_line(described: ExceptionType) -> str:
    """Give what an exception class is derived from, and what failures call it."""
    bases = ", ".join(each.name for each in described.bases)
    return f"exception {described.name}({bases}) from {described.qualified_name}"


def _lines(schema: InterfaceSchema) -> Iterator[tuple[str, str]]:
    yield from ((f"function {each.name}", signature(each)) for each in schema.functions)
    yield from ((f"type {each.name}", type_line(each)) for each in schema.types)
    yield from ((f"exception {each.name}", exception_line(each)) for each in schema.exceptions)


def _arity(name: str) -> int:
    """Give how many arguments a generic type takes."""
    if name in _OF_TWO:
        return 2
    return 1 if name.startswith(_GENERIC) else 0


def _parameters(function: Function, marked: bool) -> Iterator[str]:
    previous: int = Parameter.POSITIONAL_OR_KEYWORD
    for parameter in function.parameters:
        kind = parameter.kind
        if previous == Parameter.POSITIONAL_ONLY and kind != Parameter.POSITIONAL_ONLY:
            yield "/"
        is_first_by_name = kind == Parameter.KEYWORD_ONLY and previous not in (
            Parameter.KEYWORD_ONLY,
            Parameter.VAR_POSITIONAL,
        )
        if is_first_by_name:
            yield "*"
        default = f" = {parameter.default.text}" if parameter.HasField("default") else ""
        annotation = type_text(parameter.type, marked=marked)
        yield f"{_STARS.get(kind, '')}{parameter.name}: {annotation}{default}"
        previous = kind
    if previous == Parameter.POSITIONAL_ONLY:
        yield "/"


def _field(field: Field) -> str:
    mark = "?" if field.optional else ""
    default = f" = {field.default.text}" if field.HasField("default") else ""
    computed = " (computed)" if field.computed else ""
    # Typed dictionaries have keys that are no names.
    name = field.name if field.name.isidentifier() else repr(field.name)
    return f"{name}{mark}: {type_text(field.type)}{default}{computed}"
