"""Channels to runtimes: plain over a socket file, encrypted where the connection has a CA."""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Mapping
from types import MappingProxyType

import grpc

from seer_rpc.client.connection import Connection
from seer_rpc.errors import SessionError
from seer_runtime.wire.files import pin_socket, pinned
from seer_runtime.wire.limits import CHANNEL_OPTIONS

_PATIENCE = 4_000
"""Milliseconds to reach another machine and to greet it."""

# Each option once: of several values grpc takes the first.
_NETWORK_OPTIONS = {
    **dict(CHANNEL_OPTIONS),
    # A connection that swallows everything is noticed soon: the session comes back over another.
    "grpc.keepalive_time_ms": 2_000,
    "grpc.keepalive_timeout_ms": 2_500,
    "grpc.http2.ping_timeout_ms": 2_500,
    # The time between attempts, and the one that an attempt may take.
    "grpc.min_reconnect_backoff_ms": _PATIENCE,
    "grpc.dns_ares_query_timeout": _PATIENCE,
}

# The number of a descriptor may come to mean another socket: no connection is shared by its name.
_LOCAL_OPTIONS = (*CHANNEL_OPTIONS, ("grpc.use_local_subchannel_pool", 1))


def open_channel(
    connection: Connection, more: Mapping[str, int] = MappingProxyType({})
) -> grpc.Channel:
    """Open a channel with the options that both ends agree on; encrypted, if there is a CA.

    Raises:
        SessionError: something else is in the place of the runtime's socket.
    """
    if connection.is_local:
        return _open_local(connection.endpoint)
    options = tuple({**_NETWORK_OPTIONS, **more, **_names(connection)}.items())
    if not connection.is_encrypted:
        return grpc.insecure_channel(connection.address, options=options)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=connection.ca_certificate.encode() or None,
        private_key=connection.client_key.encode() or None,
        certificate_chain=connection.client_certificate.encode() or None,
    )
    return grpc.secure_channel(connection.address, credentials, options=options)


def _names(connection: Connection) -> Mapping[str, str]:
    name = connection.server_name
    return {"grpc.ssl_target_name_override": name} if name else {}


def _open_local(endpoint: str) -> grpc.Channel:
    """Connect to the socket that is there now: what runs in the sandbox could put a link there."""
    if sys.platform != "linux":
        return grpc.insecure_channel(endpoint, options=CHANNEL_OPTIONS)
    try:
        descriptor = pin_socket(endpoint.removeprefix("unix:"))
    except FileNotFoundError:
        # That nobody is there, calls will say.
        return grpc.insecure_channel(endpoint, options=CHANNEL_OPTIONS)
    except OSError as error:
        raise SessionError(f"the sandbox is not to be reached: {error}") from None
    channel = grpc.insecure_channel(f"unix:{pinned(descriptor)}", options=_LOCAL_OPTIONS)
    weakref.finalize(channel, os.close, descriptor)
    return channel
