"""An interface's functions to its schema: the one description that everything is made from."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from seer_runtime.batches import of_one_call
from seer_runtime.default_sources import default_sources
from seer_runtime.docstrings import Docstring, doc_of, noted
from seer_runtime.exceptions import describe_exceptions
from seer_runtime.exposure import Options
from seer_runtime.hints import TypeDescriber
from seer_runtime.json_arguments import JsonArgumentReader
from seer_runtime.json_schemas import output_schema
from seer_runtime.methods import Function
from seer_runtime.portable_schemas import JsonSchema
from seer_runtime.resolution import function_hints
from seer_runtime.stream_hints import is_stream_hint, item_hint
from seer_runtime.wire.names import encodable
from seer_runtime.wire.outline import contract_hash
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
_OURS = ("aio", "with_options")


class Signature:
    """A function's parameters, and its hints with the names in strings resolved."""

    def __init__(self, function: Function, options: Options | None = None, name: str = "") -> None:
        """Inspect the function, whose own name is what it is called by unless there is another.

        Raises:
            TypeError: it is to take batches, and does not take and give lists.
        """
        self.function = function
        self.options = options or Options()
        self.parameters = inspect.signature(function)
        self.hints, self.unresolved = function_hints(function)
        if self.options.batch:
            self.parameters, self.hints = of_one_call(self.parameters, self.hints)
            if self.is_stream:
                raise TypeError("a batch function gives one result a call; this one gives streams")
        self.docs = Docstring(function)
        self._name = name or function.__name__

    @cached_property
    def from_json(self) -> JsonArgumentReader:
        """What reads its arguments from JSON."""
        return JsonArgumentReader(self._name, self.parameters, self.hints, self.docs.parameters)

    @cached_property
    def is_stream(self) -> bool:
        """Whether it gives a stream."""
        if inspect.isgeneratorfunction(self.function) or inspect.isasyncgenfunction(self.function):
            return True
        return is_stream_hint(self.hints.get("return"))

    @property
    def result(self) -> Any:
        """The hint of its result: of one item, for a stream."""
        hint = self.hints.get("return", Any)
        return item_hint(hint) if self.is_stream else hint


def build_schema(
    name: str,
    doc: str,
    signatures: Mapping[str, Signature],
    names: TypeNames,
    exceptions: Iterable[type[BaseException]] = (),
    groups: Iterable[type] = (),
) -> pb.InterfaceSchema:
    """Describe an interface. Types get the names that `names` gives them.

    `exceptions` are its own, as `find_exceptions` gives them; `groups` its exposed classes.
    """
    described_groups = [pb.Group(name=cls.__name__, doc=doc_of(cls)) for cls in groups]
    for taken in (*signatures, *(each.name for each in described_groups), *_OURS):
        names.reserve(taken)
    types = TypeDescriber(names)
    described = [_describe(each, signature, types) for each, signature in signatures.items()]
    schema = pb.InterfaceSchema(
        name=name,
        doc=inspect.cleandoc(doc),
        functions=described,
        types=types.named_types,
        exceptions=describe_exceptions(exceptions, names),
        groups=described_groups,
    )
    schema.hash = contract_hash(schema)
    schema.warnings.extend(types.warnings)
    return schema


def _describe(name: str, signature: Signature, types: TypeDescriber) -> pb.Function:
    docs, options = signature.docs, signature.options
    sources = default_sources(signature.function)
    parameters = [
        pb.Parameter(
            name=parameter.name,
            kind=_KINDS[parameter.kind],
            type=_type(signature, parameter.name, f"{name}, {parameter.name}", types),
            doc=noted(signature.hints.get(parameter.name))
            or docs.parameters.get(parameter.name, ""),
            default=None
            if parameter.default is parameter.empty
            else types.describe_default(parameter.default, sources.get(parameter.name, "...")),
        )
        for parameter in signature.parameters.parameters.values()
    ]
    defaults = {each.name: each.default for each in parameters if each.HasField("default")}
    return pb.Function(
        name=name,
        doc=docs.text,
        parameters=parameters,
        is_stream=signature.is_stream,
        result=_type(signature, "return", f"{name}, result", types),
        result_doc=noted(signature.result) or noted(signature.hints.get("return")) or docs.result,
        is_async=inspect.iscoroutinefunction(signature.function),
        is_idempotent=options.idempotent,
        is_concurrent=options.concurrent or options.batch,
        is_read_only=options.read_only,
        is_destructive=options.destructive,
        timeout=options.timeout or 0.0,
        group=name.rpartition(".")[0],
        input_schema=_text(signature.from_json.schema(defaults)),
        output_schema=_text(output_schema(signature.result)),
    )


def _type(signature: Signature, name: str, where: str, types: TypeDescriber) -> pb.Type:
    unresolved = signature.unresolved.get(name)
    if unresolved is not None:
        return types.describe_unresolved(unresolved, where)
    hint = signature.result if name == "return" else signature.hints.get(name, Any)
    return types.describe(hint, where)


def _text(schema: JsonSchema) -> str:
    # In the order in which it was made: properties stand as the parameters do.
    return encodable(json.dumps(schema, ensure_ascii=False, separators=(",", ":")))
