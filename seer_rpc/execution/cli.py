"""CLI sessions: a workspace in a sandbox, to work in with commands and Python."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Any

from seer_rpc.client.commands import CommandResult
from seer_rpc.environment import ExecutionMode, Sandbox
from seer_rpc.environment.mcp import check_mcp, terminal_server
from seer_rpc.errors import ConfigError
from seer_rpc.execution.programs import program
from seer_rpc.registry import find_sandbox
from seer_rpc.workspace import Workspace

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_DOCS = 8_000
"""Characters of the libraries' docs in what models are told of the session."""


class CLISession:
    """A sandbox whose commands and programs find the libraries of a workspace."""

    def __init__(self, sandbox: Sandbox, name: str) -> None:
        """Use `create_cli_session`."""
        self._sandbox = sandbox
        self._name = name
        self._id = secrets.token_hex(8)
        self._workspace = Workspace()

    @property
    def session_id(self) -> str:
        """What no other session has."""
        return self._id

    @property
    def name(self) -> str:
        """What people call it, and clients its MCP server."""
        return self._name

    @property
    def sandbox(self) -> Sandbox:
        """Where it is. It ends with that, and not before."""
        return self._sandbox

    @property
    def mcp_config(self) -> dict[str, Any]:
        """An MCP server whose tools work in the sandbox, as clients are told of it.

        It is plain JSON without a secret. The server works for as long as the sandbox runs,
        whoever started that.

        Raises:
            PackageMissingError: what it stands on is not installed.
            SandboxError: the sandbox does not run.
        """
        check_mcp()
        known = {
            "name": self._name,
            "init_code": self._workspace.custom_init_code,
            "instructions": self._instructions(),
        }
        return terminal_server(self._name, find_sandbox(self._sandbox.sandbox_id), known)

    def setup(self, workspace: Workspace) -> None:
        """Put a workspace in the place of the one that was there.

        Raises:
            ConfigError: something that was not installed is in the way.
        """
        self._sandbox.install(workspace, self._name)
        self._workspace = workspace

    def exec(self, code: str, *, timeout: float | None = None) -> CommandResult:
        """Run Python in a process of its own, in `/workspace`, and give what came of it.

        The workspace's `custom_init_code` runs before it. Nothing but files stays from one to the
        next.

        Args:
            code: The program. It finds nothing on standard input.
            timeout: Seconds after which it and all that it started is ended.

        Raises:
            CommandError: it failed; the message ends with its traceback.
            CommandTimeoutError: its time was over.
            CommandOutputError: it printed too much.
        """
        source = program(self._workspace.custom_init_code, code)
        result = self._sandbox.run_python(source, timeout=timeout)
        result.check()
        return result

    def exec_shell(
        self, command: str | Sequence[str], *, timeout: float | None = None
    ) -> CommandResult:
        """Run shell code, or a program and its arguments as they stand, in `/workspace`.

        Raises:
            CommandError: it failed; the error has what it printed.
            CommandTimeoutError: its time was over.
            CommandOutputError: it printed too much.
        """
        result = self._sandbox.run(command, timeout=timeout)
        result.check()
        return result

    def __repr__(self) -> str:
        """Show where it is."""
        return f"CLISession({self._name!r}, {self._sandbox.name!r})"

    def _instructions(self) -> str:
        docs = self._workspace.get_library_docs()
        if len(docs) > _MOST_DOCS:
            docs = f"{docs[:_MOST_DOCS]} ..."
        libraries = f"\n\nLibraries that can be imported there:\n\n{docs}" if docs else ""
        return (
            f"Commands, Python and files in the sandbox {self._sandbox.name!r}; its folder to work "
            f"in is /workspace.{libraries}"
        )


def create_cli_session(
    sandbox: Sandbox, workspace: Workspace | None = None, name: str = "sandbox"
) -> CLISession:
    """Put a workspace into a sandbox that is in CLI mode, and give a session to work there.

    Libraries can be imported by whatever runs in the sandbox; skills and files are in `/workspace`.
    An earlier session of that name in the sandbox is replaced: what its workspace had and this one
    has not is removed.

    Raises:
        ConfigError: the sandbox is in another mode, or something that was not installed is in the
            way.
        SandboxError: it does not run.
    """
    if sandbox.execution_mode is not ExecutionMode.CLI:
        raise ConfigError(
            f"sandbox {sandbox.name} is for notebooks",
            hint="start it with SandboxConfig(execution_mode=ExecutionMode.CLI), "
            "or use create_notebook_session",
        )
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"name={name!r} is no name that MCP clients take",
            hint='use up to 64 letters, digits, "-" and "_"',
        )
    session = CLISession(sandbox, name)
    session.setup(workspace or Workspace())
    return session
