"""Channels to runtimes: plain over a socket file, encrypted where the connection has a CA."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import grpc

from seer_rpc.client.connection import Connection
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


def open_channel(
    connection: Connection, more: Mapping[str, int] = MappingProxyType({})
) -> grpc.Channel:
    """Open a channel with the options that both ends agree on; encrypted, if there is a CA."""
    if connection.is_local:
        return grpc.insecure_channel(connection.endpoint, options=CHANNEL_OPTIONS)
    options = tuple({**_NETWORK_OPTIONS, **more}.items())
    if not connection.is_encrypted:
        return grpc.insecure_channel(connection.address, options=options)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=connection.ca_certificate.encode() or None,
        private_key=connection.client_key.encode() or None,
        certificate_chain=connection.client_certificate.encode() or None,
    )
    return grpc.secure_channel(connection.address, credentials, options=options)
