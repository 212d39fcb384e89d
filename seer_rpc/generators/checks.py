"""Whether a schema can be written as Python source that means what it says."""

from __future__ import annotations

import collections
import enum
import inspect
import math
from collections import Counter
from collections.abc import Iterable, Iterator

from seer_rpc.errors import ConfigError
from seer_rpc.generators.names import AIO, WITH_OPTIONS, is_name, method_name
from seer_rpc.generators.values import evaluated
from seer_runtime.wire.pb.interface_pb2 import Function, InterfaceSchema, NamedType, Parameter

_OURS = {
    AIO: "the library's async module",
    WITH_OPTIONS: "what sets the options of a library's calls",
}
_ENUM_BASES = frozenset({"Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"})
_KINDS = {
    Parameter.POSITIONAL_ONLY: inspect.Parameter.POSITIONAL_ONLY,
    Parameter.POSITIONAL_OR_KEYWORD: inspect.Parameter.POSITIONAL_OR_KEYWORD,
    Parameter.VAR_POSITIONAL: inspect.Parameter.VAR_POSITIONAL,
    Parameter.KEYWORD_ONLY: inspect.Parameter.KEYWORD_ONLY,
    Parameter.VAR_KEYWORD: inspect.Parameter.VAR_KEYWORD,
}


def check_schema(schema: InterfaceSchema) -> None:
    """Refuse a schema of which no library can be made.

    Raises:
        ConfigError: a name is no identifier, is taken, or means something else where it stands;
            or what it names cannot be in Python.
    """
    where = f"interface {schema.name!r}"
    for what, name in _names(schema):
        if not is_name(name):
            raise _refusal(where, what, name, "is no Python name")
    for function in schema.functions:
        _check_function(where, function)
    for described in schema.types:
        _check_type(where, described)
    _check_top(where, schema)


def _names(schema: InterfaceSchema) -> Iterator[tuple[str, str]]:
    for function in schema.functions:
        if function.group:
            yield "group", function.group
        yield "function", method_name(function)
        yield from (("parameter", parameter.name) for parameter in function.parameters)
    for described in schema.types:
        yield "type", described.name
        if described.kind not in (NamedType.ALIAS, NamedType.TYPED_DICT):
            yield from (("field", field.name) for field in described.fields)
        yield from (("member", member.name) for member in described.members)
    yield from (("exception", exception.name) for exception in schema.exceptions)


def _check_function(where: str, function: Function) -> None:
    if function.group:
        _check_inside_class(where, "function", [method_name(function)])
        _check_inside_class(where, "parameter", [each.name for each in function.parameters])
    if function.timeout and not (0 < function.timeout < math.inf):
        raise ConfigError(
            f"{where}: {function.name}() has a timeout of {function.timeout} s",
            hint="give a number of seconds that is more than 0",
        )
    try:
        inspect.Signature([_parameter(each) for each in function.parameters])
        _check_stars(function)
    except ValueError as error:
        raise ConfigError(f"{where}: {function.name}() cannot be: {error}") from None


def _check_stars(function: Function) -> None:
    kinds = Counter(parameter.kind for parameter in function.parameters)
    if kinds[Parameter.VAR_POSITIONAL] > 1 or kinds[Parameter.VAR_KEYWORD] > 1:
        raise ValueError("it has two parameters that take all the rest")


def _parameter(described: Parameter) -> inspect.Parameter:
    kind = _KINDS[described.kind]
    default = described.default if described.HasField("default") else inspect.Parameter.empty
    return inspect.Parameter(described.name, kind, default=default)


def _check_type(where: str, described: NamedType) -> None:
    fields = [field.name for field in described.fields]
    if described.kind == NamedType.ALIAS:
        if len(fields) != 1:
            raise ConfigError(f"{where}: the alias {described.name!r} stands for no type")
        return
    if described.kind != NamedType.TYPED_DICT:
        _check_inside_class(where, "field", fields)
    _check_inside_class(where, "member", [member.name for member in described.members])
    _check_once(f"type {described.name!r}", fields)
    try:
        if described.kind == NamedType.ENUM:
            _make_enum(described)
        elif described.kind == NamedType.NAMED_TUPLE:
            collections.namedtuple(described.name, fields)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{where}: type {described.name!r} cannot be: {error}") from None


def _make_enum(described: NamedType) -> None:
    if described.base not in _ENUM_BASES:
        raise ValueError(f"it is made of an unknown {described.base!r}")
    members = [(member.name, evaluated(member.value, member.name)) for member in described.members]
    _check_once(f"type {described.name!r}", [name for name, _ in members])
    getattr(enum, described.base)(described.name, members)


def _check_top(where: str, schema: InterfaceSchema) -> None:
    groups = {function.group: "group" for function in schema.functions if function.group}
    classes = [*(each.name for each in schema.types), *(each.name for each in schema.exceptions)]
    functions = [function.name for function in schema.functions if not function.group]
    _check_once(where, [*groups, *classes, *functions])
    _check_once(where, [function.name for function in schema.functions])
    for name in (*groups, *classes, *functions):
        if name in _OURS:
            raise ConfigError(f"{where} exposes {name!r}, which is {_OURS[name]}", hint="rename it")
        if name.startswith("__") and (name.endswith("__") or name in classes):
            raise _refusal(where, "function or type", name, "means something to Python itself")
    for function in schema.functions:
        # Inside of the group its name would hide the type from the others' hints.
        if function.group and method_name(function) in classes:
            raise _refusal(where, "function", function.name, "is called as a type is")


def _check_inside_class(where: str, what: str, names: Iterable[str]) -> None:
    for name in names:
        if name.startswith("__"):
            raise _refusal(where, what, name, "means something else inside of a class")


def _check_once(where: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ConfigError(f"{where} has two things called {twice[0]!r}", hint="rename one")


def _refusal(where: str, what: str, name: str, reason: str) -> ConfigError:
    return ConfigError(f"{where} has a {what} called {name!r}, which {reason}", hint="rename it")
