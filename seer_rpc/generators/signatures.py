"""An interface schema as people read it: signatures and docstrings."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from seer_rpc.generators.annotations import Annotations
from seer_runtime.wire.pb.interface_pb2 import Function, InterfaceSchema, Parameter

_STARS = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}


def signature(function: Function) -> str:
    """Give a function's signature as Python writes it; a default that has no source is `...`."""
    types = Annotations(aliases=False)
    result = ast.unparse(types.render(function.result))
    if function.is_stream:
        result = f"Iterator[{result}]"
    return f"{function.name}({', '.join(_parameters(function, types))}) -> {result}"


def library_docs(schema: InterfaceSchema) -> str:
    """Give what there is to know about the library: its signatures and docstrings."""
    parts = [schema.doc] if schema.doc else []
    for function in schema.functions:
        parts.append(f"`{signature(function)}`")
        if function.doc:
            parts.append(function.doc)
    return "\n\n".join(parts)


def _parameters(function: Function, types: Annotations) -> Iterator[str]:
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
        annotation = ast.unparse(types.render(parameter.type))
        yield f"{_STARS.get(kind, '')}{parameter.name}: {annotation}{default}"
        previous = kind
    if previous == Parameter.POSITIONAL_ONLY:
        yield "/"
