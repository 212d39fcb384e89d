"""What is told of functions and types in texts for models, in more detail or in less."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from seer_rpc.presentation.hints import function_hints, sentence
from seer_runtime.wire.outline import signature, type_line
from seer_runtime.wire.pb.interface_pb2 import Function, NamedType, Parameter

LEVELS = 6
"""Versions of each text: all of it, long docs shortened, without the parameters' docs, one line of
docs, without docs, without types."""

_LINE = 200
"""Characters of a line of docs."""

_STARS = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}


def short_signature(function: Function) -> str:
    """Give a function's name and its parameters as JSON knows them: by their names."""
    return f"{function.name}({', '.join(map(_parameter, function.parameters))})"


def function_versions(function: Function) -> list[str]:
    """Give what is told of a function, with ever less detail."""
    head, summary = signature(function), first_paragraph(function.doc)
    hints = sentence(function_hints(function))
    details = "\n".join([summary, *_parameter_lines(function)])
    docs = [function.doc, details, summary, first_line(function.doc)]
    told = [_with_docs(head, f"{doc}\n{hints}".strip()) for doc in docs]
    return [*told, head, short_signature(function)]


def type_versions(types: Iterable[NamedType]) -> list[str]:
    """Give what is told of an interface's types, and at last nothing."""
    lines = [type_line(each) for each in types]
    if lines:
        lines.insert(0, "Types:")
    return ["\n".join(lines)] * (LEVELS - 1) + [""]


def doc_versions(doc: str) -> list[str]:
    """Give what is told of the interface itself."""
    line = first_line(doc)
    return [doc, first_paragraph(doc), first_paragraph(doc), line, line, ""]


def first_paragraph(doc: str) -> str:
    """Give the first paragraph of a docstring."""
    return doc.strip().partition("\n\n")[0].strip()


def first_line(doc: str) -> str:
    """Give the first paragraph of a docstring as one line, which may be cut."""
    return textwrap.shorten(first_paragraph(doc), _LINE, placeholder=" ...")


def _parameter(parameter: Parameter) -> str:
    default = f"={parameter.default.text}" if parameter.HasField("default") else ""
    return f"{_STARS.get(parameter.kind, '')}{parameter.name}{default}"


def _parameter_lines(function: Function) -> Iterator[str]:
    for parameter in function.parameters:
        if parameter.doc:
            yield f"{parameter.name}: {' '.join(parameter.doc.split())}"
    if function.result_doc:
        yield f"gives: {' '.join(function.result_doc.split())}"


def _with_docs(head: str, docs: str) -> str:
    return f"{head}\n{textwrap.indent(docs, '    ')}" if docs else head
