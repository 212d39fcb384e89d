"""Kernels of the server: their names are short, and what they do is told to whom it concerns."""

from __future__ import annotations

import secrets
import sys
from typing import TYPE_CHECKING, Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

if TYPE_CHECKING:
    from seer_runtime.kernel.jupyter.notebooks import Notebooks

NAME = "python3"
_PROGRAM = "seer_runtime.kernel.jupyter.ipython"


class Kernels(AsyncMappingKernelManager):
    """Starts kernels, and has notebooks prepare those that are restarted."""

    notebooks: Notebooks

    def new_kernel_id(self, **_: Any) -> str:
        """Give an id as Jupyter's URLs want it; it is part of the path of sockets."""
        return "-".join(secrets.token_hex(1) for _ in range(5))

    async def restart_kernel(self, kernel_id: str, now: bool = False) -> Any:
        """Restart one, whoever asks for it."""
        notebook = self.notebooks.of_kernel(kernel_id)
        if notebook is None:
            return await super().restart_kernel(kernel_id, now=now)
        async with notebook.restarting():
            return await super().restart_kernel(kernel_id, now=now)


class KernelSpecs(KernelSpecManager):
    """Knows one kernel: this interpreter's."""

    def find_kernel_specs(self) -> dict[str, str]:
        """Give its name."""
        return {NAME: ""}

    def get_kernel_spec(self, _: str) -> KernelSpec:
        """Describe it."""
        return KernelSpec(
            argv=[sys.executable, "-m", _PROGRAM, "-f", "{connection_file}"],
            display_name="Python 3 (ipykernel)",
            language="python",
            interrupt_mode="signal",
            metadata={"debugger": True},
        )

    def get_all_specs(self) -> dict[str, Any]:
        """Describe it, as Jupyter's API gives it."""
        return {NAME: {"resource_dir": "", "spec": self.get_kernel_spec(NAME).to_dict()}}
