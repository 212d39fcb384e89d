"""What there is of a sandbox from its start to its end."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from seer_rpc.backends import Machine, load_backend
from seer_rpc.client.control import Control
from seer_rpc.environment.code_server import CodeServer
from seer_rpc.environment.containers import ContainerHandle, Docker
from seer_rpc.environment.jupyter import JupyterServer
from seer_rpc.environment.models import ModelHandle
from seer_rpc.environment.repos import RepoHandle
from seer_rpc.errors import SandboxError, SandboxExpiredError, SandboxLostError, SessionError
from seer_rpc.registry import SandboxRecord
from seer_rpc.waiting import wait_until
from seer_runtime.wire.exits import OLD, UNUSED
from seer_runtime.wire.journal import PERIOD

_LAST_LINES = 20

_WRITTEN = PERIOD + 0.1
"""Seconds after which a call that is over is in the journal."""


@dataclass(frozen=True)
class Run:
    """A machine, the ways to it and what it was given."""

    machine: Machine
    control: Control
    call_token: str = field(repr=False)
    admin_token: str = field(repr=False)
    models: list[ModelHandle]
    repos: list[RepoHandle]
    containers: list[ContainerHandle] = field(default_factory=list)
    code_server: CodeServer | None = None
    jupyter: JupyterServer | None = None
    process: int = field(default_factory=os.getpid)
    """The process that owns the sandbox: a fork of it does not."""

    is_attached: bool = False
    """Whether another process started it."""

    @classmethod
    def attached(cls, record: SandboxRecord) -> Self:
        """Give what there is of a sandbox that another process started.

        Raises:
            SandboxError: it is still starting.
            SandboxLostError: it has ended.
        """
        if not record.endpoint:
            raise SandboxError(
                f"sandbox {record.name} is still starting", hint="try again in a moment"
            )
        machine = load_backend(record.backend).attach(record)
        return cls(
            machine,
            Control(machine.connection("", record.admin_token)),
            record.call_token,
            record.admin_token,
            [ModelHandle(**handle) for handle in record.models],
            [RepoHandle(**handle) for handle in record.repos],
            code_server=CodeServer(**record.code_server) if record.code_server else None,
            jupyter=JupyterServer(**record.jupyter) if record.jupyter else None,
            is_attached=True,
        )

    @property
    def is_of_this_process(self) -> bool:
        """Whether this process may use it, and is no fork of the one that may."""
        return self.process == os.getpid()

    def lost(self, name: str) -> SandboxLostError | None:
        """Say why it has ended by itself; None while it runs. `name` is what people call it."""
        code = self.machine.exit_code()
        if code is None:
            return None
        reason = self.machine.ending()
        lost = SandboxExpiredError if reason.startswith((OLD, UNUSED)) else SandboxLostError
        return lost(
            f"sandbox {name} has ended{reason and f': {reason}'}",
            hint="start another one",
            log=self.machine.logs(_LAST_LINES),
            exit_code=code,
        )

    def journal(self) -> Path:
        """Give the journal with all that is over by now."""
        # A call is written down a moment after its end.
        time.sleep(_WRITTEN)
        return self.machine.journal()

    def leave(self) -> None:
        """Let go of it; it runs on."""
        self.control.close()
        self.machine.leave()

    def end(self, docker: Docker, grace: float, *, is_detached: bool) -> None:
        """End it and its containers. What runs has `grace` seconds to end."""
        if self.is_attached and not self.machine.is_here:
            # Its owner may ask what was called, when there is nobody to tell any more.
            self.journal()
        if self.is_attached or grace > 0 or is_detached or not self.machine.is_here:
            # Its clients elsewhere hear of it. One that has ended meanwhile cannot be asked.
            with contextlib.suppress(SessionError):
                self.control.stop(grace)
            wait_until(lambda: self.machine.exit_code() is not None, grace)
        docker.remove(self.containers)
        self.machine.stop()
        self.control.close()
