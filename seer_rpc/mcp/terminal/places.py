"""Which sandbox a tool works in: always the same, or the one that the call names."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from seer_rpc.errors import SandboxError
from seer_rpc.generators.schema_changes import JsonSchema
from seer_rpc.mcp.terminal.desk import Desk
from seer_rpc.registry import SandboxRecord, find_sandbox, running_sandboxes


class Places(Protocol):
    """The sandboxes of a server. Methods block."""

    parameters: Mapping[str, JsonSchema]
    """What tools take to know which."""

    def find(self, sandbox: str) -> Desk:
        """Give one to work in.

        Raises:
            SandboxError: none that runs is called so, or several are.
        """

    def close(self) -> None:
        """Close all connections."""


class OneSandbox:
    """The sandbox of a session."""

    def __init__(self, folder: Path) -> None:
        """Know where it is written down."""
        self.parameters: Mapping[str, JsonSchema] = {}
        self._desk = Desk(folder)

    def find(self, sandbox: str) -> Desk:
        """Give it."""
        return self._desk

    def close(self) -> None:
        """Close the connection."""
        self._desk.close()


class AnySandbox:
    """The user's sandboxes on this machine's list, by their ids and names."""

    def __init__(self) -> None:
        """Begin without a connection."""
        self.parameters: Mapping[str, JsonSchema] = {
            "sandbox": {
                "type": "string",
                "description": "its id, how that begins, or its name: list_sandboxes has them",
            }
        }
        self._desks: dict[str, Desk] = {}
        self._is_closed = False
        self._lock = threading.Lock()

    def find(self, sandbox: str) -> Desk:
        """Give the one that is called so; connections with those that have ended are closed."""
        record = self.record(sandbox)
        if not record.endpoint:
            raise SandboxError(
                f"sandbox {record.name} is still starting", hint="try again in a moment"
            )
        with self._lock:
            if record.id not in self._desks:
                self._forget_ended()
                self._desks[record.id] = Desk(record.folder)
            desk = self._desks[record.id]
            if self._is_closed:
                desk.close()
            return desk

    def record(self, sandbox: str) -> SandboxRecord:
        """Give what is written down of the one that is called so.

        Raises:
            SandboxError: none that runs is called so, or several are.
        """
        return find_sandbox(sandbox)

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            self._is_closed = True
            for desk in self._desks.values():
                desk.close()

    def _forget_ended(self) -> None:
        running = {record.id for record in running_sandboxes()}
        for sandbox_id in self._desks.keys() - running:
            self._desks.pop(sandbox_id).close()
