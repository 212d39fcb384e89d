"""Where sandboxes run. A backend is a module of this package, found by its name."""

from __future__ import annotations

import os
from importlib import import_module
from typing import cast

from seer_rpc.backends.modal.client import has_credentials
from seer_rpc.backends.protocol import Backend, Machine, MachineSpec
from seer_rpc.errors import BackendCredentialsError, BackendError
from seer_rpc.registry import SandboxRecord, ask_with

__all__ = ["Backend", "Machine", "MachineSpec", "choose_backend", "load_backend"]

BACKENDS = ("local", "modal")
VARIABLE = "SEER_BACKEND"


def load_backend(name: str) -> Backend:
    """Import a backend.

    Raises:
        BackendError: there is none of that name.
    """
    if name not in BACKENDS:
        raise BackendError(
            f"this version has no backend {name!r}; it has: {', '.join(BACKENDS)}",
            hint=f"set {VARIABLE}=local to use this machine, or pass backend='local'",
        )
    return cast("Backend", import_module(f"seer_rpc.backends.{name}"))


def _runs(record: SandboxRecord) -> bool:
    try:
        return load_backend(record.backend).is_running(record)
    except BackendError:
        # One of a backend that is not here any more.
        return False


ask_with(_runs)


def choose_backend(requested: str | None, gpu: str | None) -> str:
    """Give the name of the backend for a sandbox.

    What is requested counts, then `SEER_BACKEND`; without either, sandboxes without a GPU run
    on this machine and those with one on Modal.

    Raises:
        BackendCredentialsError: a GPU is wanted and Modal is not set up.
    """
    chosen = requested or os.environ.get(VARIABLE)
    if chosen:
        return chosen
    if gpu is None:
        return "local"
    if has_credentials():
        return "modal"
    raise BackendCredentialsError(
        f"gpu={gpu!r} needs Modal, and there are no credentials for it",
        hint=f"run `modal token new`, or set {VARIABLE}=local to use this machine",
    )
