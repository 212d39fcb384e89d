"""An interface schema to the documentation of its library: signatures and docstrings."""

from __future__ import annotations

from seer_runtime.wire.outline import signature
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema


def library_docs(schema: InterfaceSchema) -> str:
    """Give what there is to know about the library: its signatures and docstrings."""
    parts = [schema.doc] if schema.doc else []
    for function in schema.functions:
        parts.append(f"`{signature(function)}`")
        if function.doc:
            parts.append(function.doc)
    return "\n\n".join(parts)
