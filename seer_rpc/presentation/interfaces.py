"""Interface schemas as programs and people are shown them."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any

from google.protobuf.json_format import MessageToDict
from rich.text import Text

from seer_rpc.presentation.hints import function_hints
from seer_runtime.wire.outline import exception_line, signature, type_line
from seer_runtime.wire.pb.interface_pb2 import Function, InterfaceSchema


def schema_json(schema: InterfaceSchema) -> dict[str, Any]:
    """Give a schema as plain JSON, the JSON Schemas in it as objects."""
    plain: dict[str, Any] = MessageToDict(schema, preserving_proto_field_name=True)
    for function in plain.get("functions", []):
        for key in ("input_schema", "output_schema"):
            if key in function:
                function[key] = json.loads(function[key])
    return plain


def schema_text(schema: InterfaceSchema) -> Iterator[Text]:
    """Give a schema's paragraphs: functions by their groups, types, exceptions, warnings."""
    if schema.doc:
        yield Text(schema.doc)
    yield from (_function(each) for each in schema.functions if not each.group)
    for group in schema.groups:
        yield _paragraph(Text(f"class {group.name}", style="bold underline"), group.doc)
        yield from (_function(each) for each in schema.functions if each.group == group.name)
    for line, doc in (
        *((type_line(each), each.doc) for each in schema.types),
        *((exception_line(each), each.doc) for each in schema.exceptions),
    ):
        yield _paragraph(Text(line, style="cyan"), doc)
    yield from (Text(f"warning: {warning}", style="yellow") for warning in schema.warnings)


def _function(function: Function) -> Text:
    head = Text(signature(function, marked=True), style="bold")
    hints = "; ".join(function_hints(function))
    return _paragraph(
        head + Text(f"\n    {hints}", style="not bold dim") if hints else head, function.doc
    )


def _paragraph(head: Text, doc: str) -> Text:
    return head + Text("\n" + textwrap.indent(doc, "    "), style="not bold") if doc else head
