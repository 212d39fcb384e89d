"""An interface's functions to its schema: the one description that everything is made from."""

from __future__ import annotations

import hashlib
import inspect
import typing
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Iterator, Mapping
from typing import Any

import griffe

from seer_runtime.batches import of_one_call
from seer_runtime.exceptions import describe_exceptions
from seer_runtime.hints import UNRESOLVED, TypeDescriber
from seer_runtime.loader import Function, Options
from seer_runtime.wire.pb import interface_pb2 as pb
from seer_runtime.wire.records import TypeNames

_KINDS = {
    inspect.Parameter.POSITIONAL_OR_KEYWORD: pb.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.POSITIONAL_ONLY: pb.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.KEYWORD_ONLY: pb.Parameter.KEYWORD_ONLY,
    inspect.Parameter.VAR_POSITIONAL: pb.Parameter.VAR_POSITIONAL,
    inspect.Parameter.VAR_KEYWORD: pb.Parameter.VAR_KEYWORD,
}
# What a generated library has beside the functions and the types.
_MODULES = ("aio",)
# A docstring in no known style is no one's fault.
_QUIET = {style: {"warnings": False} for style in ("google", "numpy", "sphinx")}


class Signature:
    """A function's parameters, and its hints with the names in strings resolved."""

    def __init__(self, function: Function, options: Options | None = None) -> None:
        """Inspect the function.

        Raises:
            TypeError: it is to take batches, and does not take lists.
        """
        self.function = function
        self.options = options or Options()
        self.parameters = inspect.signature(function)
        self.hints: Mapping[str, Any] = {}
        self.problem = ""
        try:
            self.hints = typing.get_type_hints(function, include_extras=True)
        except UNRESOLVED as error:
            self.problem = f"its hints cannot be resolved ({error}); it is served as Any"
        if self.options.batch:
            self.parameters, self.hints = of_one_call(self.parameters, self.hints)


def build_schema(
    name: str,
    doc: str,
    signatures: Mapping[str, Signature],
    names: TypeNames,
    exceptions: Iterable[type[BaseException]] = (),
) -> pb.InterfaceSchema:
    """Describe an interface. Types get the names that `names` gives them.

    `exceptions` are its own, as `find_exceptions` gives them.
    """
    for taken in (*signatures, *_MODULES):
        names.reserve(taken)
    types = TypeDescriber(names)
    described = [_describe(each, signature, types) for each, signature in signatures.items()]
    schema = pb.InterfaceSchema(
        name=name,
        doc=inspect.cleandoc(doc),
        functions=described,
        types=types.named_types,
        exceptions=describe_exceptions(exceptions, names),
    )
    schema.hash = hashlib.sha256(schema.SerializeToString(deterministic=True)).hexdigest()
    schema.warnings.extend(types.warnings)
    return schema


def _describe(name: str, signature: Signature, types: TypeDescriber) -> pb.Function:
    if signature.problem:
        types.warnings.append(f"{name}: {signature.problem}")
    docs = _Docstring(signature.function)
    parameters = [
        pb.Parameter(
            name=parameter.name,
            kind=_KINDS[parameter.kind],
            type=types.describe(
                signature.hints.get(parameter.name, Any), f"{name}, {parameter.name}"
            ),
            doc=docs.parameters.get(parameter.name, ""),
            default=None
            if parameter.default is parameter.empty
            else types.describe_default(parameter.default),
        )
        for parameter in signature.parameters.parameters.values()
    ]
    is_stream = _is_stream(signature)
    result = signature.hints.get("return", Any)
    if is_stream:
        result = next(iter(typing.get_args(result)), Any)
    return pb.Function(
        name=name,
        doc=docs.text,
        parameters=parameters,
        is_stream=is_stream,
        result=types.describe(result, f"{name}, result"),
        result_doc=docs.result,
        is_async=inspect.iscoroutinefunction(signature.function),
        is_idempotent=signature.options.idempotent,
        is_concurrent=signature.options.concurrent or signature.options.batch,
    )


def _is_stream(signature: Signature) -> bool:
    function = signature.function
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return True
    return typing.get_origin(signature.hints.get("return")) in _STREAMS


_STREAMS = (AsyncGenerator, AsyncIterator, Generator, Iterator)


class _Docstring:
    """A docstring, and what it says of each parameter, in whichever of the usual styles."""

    def __init__(self, function: Function) -> None:
        self.text = inspect.getdoc(function) or ""
        self.parameters: dict[str, str] = {}
        self.result = ""
        for section in griffe.Docstring(self.text).parse("auto", per_style_options=_QUIET):
            if isinstance(section, griffe.DocstringSectionParameters):
                self.parameters |= {
                    each.name.lstrip("*"): each.description for each in section.value
                }
            elif isinstance(section, griffe.DocstringSectionReturns):
                self.result = " ".join(each.description for each in section.value)
