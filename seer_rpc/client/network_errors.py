"""Why a runtime is not reached over the network, in plain words: gRPC's are for its makers."""

from __future__ import annotations

import re
from typing import NamedTuple

from seer_rpc.client.connection import Connection
from seer_rpc.errors import (
    AuthenticationError,
    ConnectionFileError,
    SandboxLostError,
    SeerError,
    SessionError,
    TunnelError,
)

_ASK = "ask for the connection file again: each start of a sandbox has certificates of its own"
_RUNS = "does the sandbox still run, and is the way to its port open?"


class _Problem(NamedTuple):
    pattern: str
    error: type[SeerError]
    message: str
    hint: str


# The first one that matches counts.
_PROBLEMS = (
    _Problem(
        "missing selected ALPN",
        TunnelError,
        "what answers at {place} does not speak HTTP/2, which calls need",
        "start the sandbox again, or reach its port by a tunnel for HTTP/2 (`h2_ports`)",
    ),
    _Problem(
        "certificate has expired|certificate is not yet valid",
        AuthenticationError,
        "the certificate of what answers at {place} is not valid at this machine's time",
        "compare the clocks of both machines",
    ),
    _Problem(
        "CERTIFICATE_VERIFY_FAILED|BAD_SIGNATURE|certificate signature failure",
        AuthenticationError,
        "what answers at {place} is not the sandbox that the connection was made for",
        _ASK,
    ),
    _Problem(
        "not in peer certificate|[Hh]ostname [Vv]erification",
        AuthenticationError,
        "the sandbox at {place} has no certificate for that name",
        'have the sandbox started with SandboxConfig(advertise="...") and that name',
    ),
    _Problem(
        "WRONG_VERSION_NUMBER|HTTP_REQUEST|UNEXPECTED_MESSAGE|PACKET_LENGTH",
        SessionError,
        "what answers at {place} does not encrypt, and the connection says that it would",
        "is it the right port? A sandbox with tls='off' needs its own connection file",
    ),
    _Problem(
        "Failed parsing HTTP/2",
        SessionError,
        "what answers at {place} is no sandbox",
        "is it the right port?",
    ),
    _Problem(
        "security handshaker|empty address list",
        ConnectionFileError,
        "the certificates in the connection to {place} cannot be used",
        _ASK,
    ),
    _Problem(
        "^errors resolving|^DNS resolution failed|address lookup failed",
        SandboxLostError,
        "this machine knows of none by the name in {place}",
        'have the sandbox started with SandboxConfig(advertise="...") and a name that you reach',
    ),
    _Problem(
        "HTTP proxy",
        SandboxLostError,
        "the proxy that this machine is set to use does not lead to {place}",
        "name that host in the environment variable no_proxy",
    ),
    _Problem(
        "refused|unreachable|No route",
        SandboxLostError,
        "nothing answers at {place}",
        _RUNS,
    ),
    _Problem(
        r"timed out|handshaker shutdown|Handshake read failed($| \(Endpoint closing)",
        SandboxLostError,
        "{place} does not answer",
        _RUNS,
    ),
)


def network_error(details: str, connection: Connection) -> SeerError:
    """Give the error for what gRPC says about a connection that failed or broke."""
    place = connection.endpoint
    for problem in _PROBLEMS:
        if re.search(problem.pattern, details):
            return problem.error(problem.message.format(place=place), hint=problem.hint)
    if details.startswith("failed to connect"):
        return _turned_away(connection)
    return SandboxLostError(
        f"the connection to the sandbox at {place} is lost: {details}", hint=_RUNS
    )


def _turned_away(connection: Connection) -> SeerError:
    """Say why a peer may have hung up while it was greeted: TLS 1.3 does not tell."""
    message = f"the sandbox at {connection.endpoint} hung up before there was a session"
    if not connection.is_encrypted:
        return SessionError(
            f"{message}; the connection is not encrypted, and the sandbox may want that",
            hint="ask for the connection file again: it lacks a certificate",
        )
    if not connection.client_certificate:
        return AuthenticationError(
            f"{message}; the connection has no client certificate, and the sandbox may want one",
            hint=_ASK,
        )
    return AuthenticationError(f"{message}; it may not know the client certificate", hint=_ASK)
