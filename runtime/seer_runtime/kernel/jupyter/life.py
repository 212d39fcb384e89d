"""The process of a kernel: how it begins, is interrupted and ends, and what it died of."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import Any

from jupyter_server.serverapp import ServerApp

from seer_runtime.kernel.jupyter.kernels import NAME


class Life:
    """One kernel of Jupyter's after the other, under an id."""

    def __init__(self, app: ServerApp) -> None:
        """Begin without one."""
        self.kernel_id = ""
        self._app = app
        self._session_id = ""

    async def start(self, path: str) -> None:
        """Start a kernel for the notebook at that path."""
        session = await self._app.session_manager.create_session(
            path=path, name=Path(path).name, type="notebook", kernel_name=NAME
        )
        self.kernel_id = session["kernel"]["id"]
        self._session_id = session["id"]

    async def end(self) -> None:
        """End it."""
        # It may be gone already, or not have come to be.
        with contextlib.suppress(Exception):
            await self._app.session_manager.delete_session(self._session_id)

    async def restart(self) -> None:
        """Have another one under the same id: `Kernels` tells whom it concerns.

        Raises:
            RuntimeError: it does not start.
        """
        await self._app.kernel_manager.restart_kernel(self.kernel_id, now=True)

    async def interrupt(self) -> None:
        """Have it raise KeyboardInterrupt."""
        await self.kernel.interrupt_kernel()

    @property
    def is_known(self) -> bool:
        """Whether Jupyter has it still, dead or alive: a person can shut it down."""
        return self.kernel_id in self._app.kernel_manager

    @property
    def kernel(self) -> Any:
        """Jupyter's own object."""
        return self._app.kernel_manager.get_kernel(self.kernel_id)

    async def death(self) -> str:
        """Say what it died of; nothing while it lives."""
        if not self.is_known:
            return "it was shut down"
        kernel = self.kernel
        if await kernel.is_alive():
            return ""
        return _cause(await kernel.provisioner.poll() if kernel.provisioner is not None else None)


def _cause(code: int | None) -> str:
    if code is None or code >= 0:
        return f"it ended with exit status {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    more = ", as it is for want of memory" if -code == signal.SIGKILL else ""
    return f"it was ended by {name}{more}"
