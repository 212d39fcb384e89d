"""Calls into served interfaces: what generated libraries stand on.

What is named here is imported when it is first used: a library that nobody calls yet is light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from seer_rpc.client.remote import SERVER_DEFAULT, RemoteInterface, server_default

if TYPE_CHECKING:
    from seer_rpc.client.connection import Connection
    from seer_rpc.client.mapping import map
    from seer_rpc.client.references import Ref, TensorRef
    from seer_rpc.client.session import Session
    from seer_rpc.client.streams import ResultStream
    from seer_runtime.wire.media import Media

__all__ = [
    "SERVER_DEFAULT",
    "Connection",
    "Media",
    "Ref",
    "RemoteInterface",
    "ResultStream",
    "Session",
    "TensorRef",
    "map",
    "server_default",
]

_MODULES = {
    "Connection": "seer_rpc.client.connection",
    "Media": "seer_runtime.wire.media",
    "Ref": "seer_rpc.client.references",
    "ResultStream": "seer_rpc.client.streams",
    "Session": "seer_rpc.client.session",
    "TensorRef": "seer_rpc.client.references",
    "map": "seer_rpc.client.mapping",
}


def __getattr__(name: str) -> object:
    """Import what is asked for."""
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value
