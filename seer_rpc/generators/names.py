"""Whether the names in a schema can be written into Python source."""

from __future__ import annotations

import keyword
import unicodedata
from collections import Counter
from collections.abc import Iterator

from seer_rpc.errors import ConfigError
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema, NamedType

_ENUM_BASES = frozenset({"Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"})


def check_names(schema: InterfaceSchema) -> None:
    """Refuse a schema that holds a name which is none in Python.

    Raises:
        ConfigError: a name is no identifier, or two things have the same.
    """
    for what, name in _names(schema):
        if not _is_name(name):
            raise ConfigError(
                f"interface {schema.name!r} has a {what} called {name!r}, which is no Python name",
                hint="rename it",
            )
    for described in schema.types:
        if described.kind == NamedType.ENUM and described.base not in _ENUM_BASES:
            raise ConfigError(f"type {described.name!r} is made of an unknown {described.base!r}")
    functions = [function.name for function in schema.functions]
    classes = [*(t.name for t in schema.types), *(e.name for e in schema.exceptions)]
    top = Counter([*functions, *classes])
    twice = [name for name, count in top.items() if count > 1]
    if twice:
        raise ConfigError(
            f"interface {schema.name!r} has two things called {twice[0]!r}", hint="rename one"
        )


def _names(schema: InterfaceSchema) -> Iterator[tuple[str, str]]:
    for function in schema.functions:
        yield "function", function.name
        yield from (("parameter", parameter.name) for parameter in function.parameters)
    for described in schema.types:
        yield "type", described.name
        yield from (("field", field.name) for field in described.fields)
        yield from (("member", member.name) for member in described.members)
    yield from (("exception", exception.name) for exception in schema.exceptions)


def _is_name(name: str) -> bool:
    # Python reads other spellings of a name as the name itself.
    is_plain = unicodedata.normalize("NFKC", name) == name
    return name.isidentifier() and not keyword.iskeyword(name) and is_plain
