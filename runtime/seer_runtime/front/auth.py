"""Let nobody in without a token, whatever the method."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from seer_runtime.wire.limits import SESSION_METHOD
from seer_runtime.wire.settings import token_digest

_PREFIX = "Bearer "
# A caller that holds the call token may use these; the admin token opens every method.
_CALL_METHODS = frozenset({SESSION_METHOD, "/grpc.health.v1.Health/Check"})


class TokenInterceptor(grpc.aio.ServerInterceptor):
    """Refuses every call whose token is missing, wrong or not enough."""

    def __init__(self, call_token_digest: str, admin_token_digest: str) -> None:
        """Know the tokens by their digests alone."""
        self._call = call_token_digest
        self._admin = admin_token_digest

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Hand the call on, or answer it with a refusal."""
        digest = _digest(handler_call_details)
        if hmac.compare_digest(digest, self._admin):
            return await continuation(handler_call_details)
        if not hmac.compare_digest(digest, self._call):
            return refuse(grpc.StatusCode.UNAUTHENTICATED, "a valid token is needed")
        if handler_call_details.method not in _CALL_METHODS:
            return refuse(grpc.StatusCode.PERMISSION_DENIED, "this needs the owner's token")
        return await continuation(handler_call_details)


def _digest(details: grpc.HandlerCallDetails) -> str:
    metadata = dict(details.invocation_metadata or ())
    value = metadata.get("authorization", "")
    text = value if isinstance(value, str) else ""
    return token_digest(text.removeprefix(_PREFIX))


def refuse(code: grpc.StatusCode, text: str) -> Any:
    """Give what answers a call of any kind with a refusal."""

    async def abort(_: object, context: Any) -> None:
        await context.abort(code, text)

    return grpc.stream_stream_rpc_method_handler(abort)
