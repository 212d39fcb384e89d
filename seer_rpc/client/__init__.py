"""Calls into a served interface: what generated libraries stand on."""

from seer_rpc.client.connection import Connection
from seer_rpc.client.remote import RemoteInterface, ServerDefault
from seer_rpc.client.session import Session

__all__ = ["Connection", "RemoteInterface", "ServerDefault", "Session"]
