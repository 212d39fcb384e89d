"""Sandboxes on this machine."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from seer_rpc.backends.local import models
from seer_rpc.backends.local.attached import AttachedMachine, discard, memory
from seer_rpc.backends.local.levels import choose_level
from seer_rpc.backends.local.machine import LocalMachine
from seer_rpc.backends.local.python import find_layers
from seer_rpc.backends.local.support import check_support
from seer_rpc.backends.local.system_packages import check_system_packages
from seer_rpc.backends.models import FoundModel, ModelSource
from seer_rpc.backends.protocol import MachineSpec
from seer_rpc.registry import SandboxRecord
from seer_rpc.snapshots import Snapshot
from seer_runtime.wire.journal import RUN, is_held

__all__ = [
    "attach",
    "check",
    "discard",
    "drop_snapshot",
    "find_model",
    "is_running",
    "kept_secrets",
    "memory",
    "start",
]


def check(spec: MachineSpec) -> None:
    """Refuse what this machine cannot run.

    Raises:
        BackendError: the sandbox is to have what there is not on this machine.
        IsolationError: it is to hide a model that could be found in it.
        SystemPackageError: a system package is missing.
    """
    check_support(spec)
    if spec.has_hidden_models:
        # Before anything is fetched.
        choose_level(spec)
    check_system_packages(spec.system_packages)


def kept_secrets(_: Sequence[str]) -> Mapping[str, str]:
    """Give nothing: what there is on this machine, its variables have."""
    return {}


def find_model(source: ModelSource, _: Mapping[str, str]) -> FoundModel:
    """Find a model's directory on this machine, or fetch it.

    Raises:
        ModelNotFoundError: it is not to be had.
    """
    return models.find_model(source)


def start(spec: MachineSpec) -> LocalMachine:
    """Start a machine; a GPU that is not here is a warning.

    Raises:
        PackageMissingError: a package is neither here nor to be had.
        SandboxStartError: it does not answer.
        SnapshotError: the snapshot that it is to start from cannot be restored.
    """
    layers = find_layers(spec.packages)
    if spec.gpu is not None and not Path("/dev/nvidia0").exists():
        warnings.warn(
            f"this machine has no GPU; gpu={spec.gpu!r} is ignored and the CPU is used",
            stacklevel=2,
        )
    return LocalMachine(spec, layers)


def is_running(record: SandboxRecord) -> bool:
    """Tell whether a machine runs: its front holds a lock."""
    return is_held(str(record.folder / RUN))


def attach(record: SandboxRecord) -> AttachedMachine:
    """Give a machine that another process started."""
    return AttachedMachine(record)


def drop_snapshot(_: Snapshot) -> None:
    """Remove nothing: all of it is on this machine."""
