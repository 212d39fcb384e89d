"""Sandboxes to work in: commands, files, notebooks."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Self

from seer_rpc.environment.base import BaseSandbox
from seer_rpc.environment.config import ExecutionMode
from seer_rpc.environment.jupyter import JupyterServer, runs_jupyter, start_jupyter
from seer_rpc.errors import NotebookStartError
from seer_rpc.registry import rewrite
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

    @property
    def jupyter_url(self) -> str | None:
        """Where its Jupyter server is, with the secret that lets in; None while it has no notebook.

        `create_notebook_session` starts it.
        """
        server = self._run.jupyter if self._run is not None else None
        return server.url_with_token if server is not None else None

    def jupyter_server(self) -> JupyterServer:
        """Give its Jupyter server, started where it has none, or none any more.

        Raises:
            SandboxError: it is not running.
            NotebookStartError: the server does not start, or could not be reached.
        """
        with self._starting:
            run = self._running()
            if run.jupyter is not None and runs_jupyter(self):
                return run.jupyter
            if not self._has_notebooks:
                raise NotebookStartError(
                    "this sandbox is not prepared for notebooks",
                    hint="start it with execution_mode=ExecutionMode.NOTEBOOK",
                )
            server = start_jupyter(self, run.machine.web(), run.jupyter)
            self._run = replace(run, jupyter=server)
            rewrite(self.sandbox_id, jupyter=asdict(server))
            return server

    def release(self) -> None:
        """Have the sandbox outlive this process.

        From then on it ends by its time, by `terminate()`, by the end of a `with` block that it is
        of, or by `seer stop`.

        Raises:
            SandboxError: it is not running.
            SessionError: it cannot be told.
        """
        run = self._running()
        if run.is_attached:
            # How long it lives is its owner's to say.
            return
        # Written down first: whoever finds its owner gone leaves it alone.
        rewrite(self.sandbox_id, is_detached=True)
        run.control.release()
        run.machine.release()

    def path_inside(self, path: str) -> str:
        """Give the path under which processes in the sandbox find one of the sandbox's.

        Raises:
            SandboxError: it is not running, or the path is outside of it.
        """
        return self._running().machine.path(path)

    @property
    def _has_notebooks(self) -> bool:  # type: ignore[override]
        return self.execution_mode is ExecutionMode.NOTEBOOK

    def __enter__(self) -> Self:
        """Start the sandbox."""
        return self.start()
