"""The server as a whole: built from an interface schema, and run over stdio or HTTP."""

from __future__ import annotations

import contextlib
import hmac
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from fastmcp import FastMCP
from fastmcp.server.auth import AccessToken, TokenVerifier
from fastmcp.tools import Tool

from seer_rpc.errors import ConfigError
from seer_rpc.generators.mcp import mcp_instructions, mcp_tools
from seer_rpc.generators.references import may_give_references
from seer_rpc.mcp.calls import Calls
from seer_rpc.mcp.jobs import Jobs
from seer_rpc.mcp.own_tools import job_tools, reference_tools
from seer_rpc.mcp.references import References
from seer_rpc.mcp.sessions import SharedSession
from seer_rpc.mcp.tools import InterfaceTool
from seer_rpc.mcp.values import KeptValues
from seer_rpc.progress import note
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema


def make_server(
    schema: InterfaceSchema,
    connection_file: Path,
    folder: Path,
    wait: float,
    timeout: float | None = None,
    auth: TokenVerifier | None = None,
) -> FastMCP:
    """Make the server of an interface. Nothing is connected before the first call.

    A call is answered after `wait` seconds, with its result or as a job, and ended after
    `timeout`. What is too large for an answer goes into `folder`.

    Raises:
        ConfigError: a function's name is none for a tool.
    """
    described = mcp_tools(schema)
    taken = [tool.name for tool in described]
    session, held = SharedSession(connection_file, schema.hash), References()
    calls = Calls(session, held, folder, timeout)
    jobs = Jobs(taken, wait)
    tools: list[Tool] = [InterfaceTool.of(each, calls, jobs) for each in described]
    if may_give_references(schema):
        tools += reference_tools(KeptValues(taken, session, held, calls, jobs))

    @contextlib.asynccontextmanager
    async def lifespan(server: FastMCP) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await calls.close()

    return FastMCP(
        schema.name,
        mcp_instructions(schema),
        version=schema.hash[:12],
        auth=auth,
        lifespan=lifespan,
        tools=[*tools, *job_tools(jobs)],
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
