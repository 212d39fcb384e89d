"""Sandboxes to work in: commands, files, notebooks."""

from __future__ import annotations

from typing import Self

from seer_rpc.environment.base import BaseSandbox
from seer_rpc.workspace import Workspace


class Sandbox(BaseSandbox):
    """A sandbox to run commands and notebooks in.

    with Sandbox(SandboxConfig(python_packages=["numpy"])) as sandbox:
        print(sandbox.exec("pip list"))
    """

    def start(self, name: str | None = None) -> Self:
        """Start the sandbox; a second start does nothing. `name` is for people.

        Raises:
            ConfigError: it cannot run as it is configured.
            SandboxStartError: it did not start.
        """
        self._start(Workspace(), name)
        return self

    def __enter__(self) -> Self:
        """Start the sandbox."""
        return self.start()
