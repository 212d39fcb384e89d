"""Sandboxes as they are now, as whoever asks for them is told."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from seer_rpc.backends import load_backend
from seer_rpc.errors import BackendError
from seer_rpc.journal import JournalReader
from seer_rpc.registry import SandboxRecord, is_running
from seer_runtime.wire.journal import RUN


class SeenSandbox(NamedTuple):
    """A sandbox as it is now."""

    record: SandboxRecord
    state: str
    """starting, running or ended."""

    memory: int | None
    """Bytes that it uses; None where nobody knows."""

    interfaces: list[str]

    @property
    def age(self) -> float:
        """Seconds since it was created."""
        return time.time() - self.record.started.timestamp()

    @property
    def left(self) -> float:
        """Seconds until it ends by itself."""
        return max(0.0, self.record.timeout - self.age)

    def to_json(self) -> dict[str, Any]:
        """Give what is known, without any secret."""
        record = self.record
        return {
            "id": record.id,
            "name": record.name,
            "state": self.state,
            "backend": record.backend,
            "isolation": dict(record.isolation),
            "created": record.created,
            "age": round(self.age, 1),
            "timeout": record.timeout,
            "left": round(self.left, 1),
            "idle_timeout": record.idle_timeout,
            "is_detached": record.is_detached,
            "owner": record.owner.pid,
            "memory": self.memory,
            "interfaces": self.interfaces,
            "folder": str(record.folder),
            "config": dict(record.summary),
        }


def look_at(record: SandboxRecord) -> SeenSandbox:
    """Look at a sandbox that is written down."""
    runs = is_running(record)
    reader = JournalReader(record.folder / RUN)
    reader.read()
    memory = None
    if runs:
        try:
            memory = load_backend(record.backend).memory(record)
        except BackendError:
            memory = None
    return SeenSandbox(record, _state(record, runs), memory, list(reader.interfaces))


def _state(record: SandboxRecord, runs: bool) -> str:
    if runs:
        return "running" if record.endpoint else "starting"
    return "starting" if record.owner.is_alive and not record.endpoint else "ended"
