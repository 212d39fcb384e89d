"""Answer nobody who calls over the network from an address that is not allowed."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

import grpc
import grpc.aio

from seer_runtime.front.surrounding import surrounded
from seer_runtime.wire.limits import ELSEWHERE

_HERE = "unix:"


class AddressInterceptor(grpc.aio.ServerInterceptor):
    """Refuses calls from elsewhere; those over the socket file are this machine's own."""

    def __init__(self, allowed: Sequence[str]) -> None:
        """Allow these networks."""
        self._allowed = [ipaddress.ip_network(network) for network in allowed]

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Hand the call on, to be answered where its caller is allowed."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        return surrounded(handler, self._checked)

    @asynccontextmanager
    async def _checked(self, context: Any) -> AsyncIterator[None]:
        if not is_allowed(context.peer(), self._allowed):
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, ELSEWHERE)
        yield


def is_allowed(peer: str, allowed: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Tell whether a caller, as gRPC names it, is in one of the networks, or on this machine."""
    if peer.startswith(_HERE):
        return True
    host = unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in allowed)
