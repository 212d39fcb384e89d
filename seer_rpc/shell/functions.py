"""The functions of an interface, by the names that are given on a command line."""

from __future__ import annotations

from seer_rpc.errors import FunctionMissingError
from seer_runtime.wire.names import did_you_mean
from seer_runtime.wire.pb.interface_pb2 import Function, InterfaceSchema


def find_function(schema: InterfaceSchema, name: str) -> Function:
    """Give the function of a name.

    Raises:
        FunctionMissingError: there is none.
    """
    functions = {each.name: each for each in schema.functions}
    if name not in functions:
        raise FunctionMissingError(
            f"{schema.name} has no function {name!r}{did_you_mean(name, functions)}",
            hint=f"there are: {', '.join(functions)}",
        )
    return functions[name]
