"""Calls into served interfaces: what generated libraries stand on.

What is named here is imported when it is first used: a library that nobody calls yet is light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from seer_rpc.client.remote import SERVER_DEFAULT, RemoteInterface

if TYPE_CHECKING:
    from seer_rpc.client.connection import Connection
    from seer_rpc.client.mapping import map
    from seer_rpc.client.references import Ref, TensorRef
    from seer_rpc.client.session import Session
    from seer_rpc.client.streams import ResultStream

__all__ = [
    "SERVER_DEFAULT",
    "Connection",
    "Ref",
    "RemoteInterface",
    "ResultStream",
    "Session",
    "TensorRef",
    "map",
]

_MODULES = {
    "Connection": "connection",
    "Ref": "references",
    "ResultStream": "streams",
    "Session": "session",
    "TensorRef": "references",
    "map": "mapping",
}


def __getattr__(name: str) -> object:
    """Import what is asked for."""
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
