"""Which interfaces give references to values that stay in the sandbox."""

from __future__ import annotations

from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema, Type

_REFERENCES = frozenset({"seer_rpc.client.Ref", "seer_rpc.client.TensorRef"})


def gives_references(schema: InterfaceSchema) -> bool:
    """Tell whether a function's result is a reference, or may have one in it."""
    fields = (field.type for named in schema.types for field in named.fields)
    return any(map(_is_reference, (*(each.result for each in schema.functions), *fields)))


def may_give_references(schema: InterfaceSchema) -> bool:
    """Tell whether a result may be a reference: it is one, or nothing is known of it."""
    return gives_references(schema) or any(each.result.name == "any" for each in schema.functions)


def _is_reference(described: Type) -> bool:
    return described.name in _REFERENCES or any(map(_is_reference, described.arguments))
