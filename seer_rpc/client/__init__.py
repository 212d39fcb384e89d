"""Calls into a served interface: what generated libraries stand on."""

from seer_rpc.client.connection import Connection
from seer_rpc.client.mapping import map
from seer_rpc.client.references import Ref, TensorRef
from seer_rpc.client.remote import SERVER_DEFAULT, RemoteInterface
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
