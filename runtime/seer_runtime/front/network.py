"""Listen for other machines."""

from __future__ import annotations

import sys

import grpc
import grpc.aio

from seer_runtime.wire.settings import Port


def listen(server: grpc.aio.Server, port: Port) -> int:
    """Have the server listen there too; gives the port's number. Ends the front if it cannot."""
    credentials = _credentials(port)
    try:
        if credentials is None:
            return server.add_insecure_port(port.address)
        return server.add_secure_port(port.address, credentials)
    except RuntimeError:
        sys.exit(
            f"seer: cannot listen at {port.address}: the port is taken or not allowed, "
            "or this machine has no such address"
        )


def _credentials(port: Port) -> grpc.ServerCredentials | None:
    if not port.certificate:
        return None
    return grpc.ssl_server_credentials(
        [(port.key.encode(), port.certificate.encode())],
        root_certificates=port.client_authority.encode() or None,
        require_client_auth=bool(port.client_authority),
    )
