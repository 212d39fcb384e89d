"""How servers are made of their tools, and run over stdio or HTTP."""

from __future__ import annotations

import contextlib
import hmac
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from fastmcp import FastMCP
from fastmcp.server.auth import AccessToken, TokenVerifier
from fastmcp.tools import Tool

from seer_rpc.errors import ConfigError
from seer_rpc.progress import note


def server_of(
    tools: Sequence[Tool],
    name: str,
    instructions: str,
    close: Callable[[], Awaitable[None]],
    auth: TokenVerifier | None,
    version: str | None = None,
) -> FastMCP:
    """Make a server of its tools; `close` is called at its end."""

    @contextlib.asynccontextmanager
    async def lifespan(server: FastMCP) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await close()

    return FastMCP(
        name,
        instructions,
        version=version,
        auth=auth,
        lifespan=lifespan,
        tools=tools,
        on_duplicate="error",
        mask_error_details=True,
    )


class BearerToken(TokenVerifier):
    """Lets in whoever has the one token."""

    def __init__(self, token: str) -> None:
        """Take the token."""
        super().__init__()
        self._token = token.encode()

    async def verify_token(self, token: str) -> AccessToken | None:
        """Tell who a token belongs to; None where it is not the one."""
        if not hmac.compare_digest(token.encode(), self._token):
            return None
        return AccessToken(token=token, client_id="user", scopes=[])


async def serve_stdio(server: FastMCP) -> None:
    """Talk to the client that started this process, until that hangs up."""
    await server.run_stdio_async(show_banner=False, log_level="WARNING")


async def serve_http(server: FastMCP, host: str, port: int, allowed_hosts: Sequence[str]) -> None:
    """Listen for clients, those that name this server as it is called; until the process ends.

    Raises:
        ConfigError: the address is not to be had.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(f"cannot listen at {host}:{port}: {error}") from error
    port = listening.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    note(f"serving MCP at http://{shown}:{port}/mcp")
    await server.run_http_async(
        show_banner=False,
        host=host,
        port=port,
        log_level="WARNING",
        host_origin_protection=True,
        allowed_hosts=list(allowed_hosts),
        sockets=[listening],
    )
