"""The server as a whole, built from an interface schema."""

from __future__ import annotations

from pathlib import Path

from fastmcp import FastMCP
from fastmcp.server.auth import TokenVerifier
from fastmcp.tools import Tool

from seer_rpc.generators.mcp import mcp_instructions, mcp_tools
from seer_rpc.generators.references import may_give_references
from seer_rpc.mcp.interface.calls import Calls
from seer_rpc.mcp.interface.references import References
from seer_rpc.mcp.interface.sessions import SharedSession
from seer_rpc.mcp.interface.tools import InterfaceTool
from seer_rpc.mcp.interface.values import KeptValues, reference_tools
from seer_rpc.mcp.jobs import Jobs
from seer_rpc.mcp.own_tools import job_tools
from seer_rpc.mcp.serving import server_of
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

    return server_of(
        [*tools, *job_tools(jobs)],
        schema.name,
        mcp_instructions(schema),
        calls.close,
        auth,
        version=schema.hash[:12],
    )
