"""What is written down of a sandbox before it is made and when it runs; what is left of one."""

from __future__ import annotations

import contextlib
import dataclasses
from datetime import UTC, datetime
from pathlib import Path

from seer_rpc import snapshots
from seer_rpc.backends import Machine, MachineSpec, load_backend
from seer_rpc.backends.protocol import NetworkAccess
from seer_rpc.client.connection import Connection
from seer_rpc.environment.config import ExecutionMode, ModelConfig, SandboxConfig
from seer_rpc.environment.run import Run
from seer_rpc.errors import BackendError, SandboxError, SandboxLostError
from seer_rpc.registry import (
    ProcessIdentity,
    SandboxRecord,
    forget,
    is_running,
    stale_sandboxes,
)
from seer_rpc.snapshots import Snapshot


def planned_record(
    spec: MachineSpec, backend: str, config: SandboxConfig, call_token: str, admin_token: str
) -> SandboxRecord:
    """Describe a sandbox that is to be made."""
    return SandboxRecord(
        id=spec.sandbox_id,
        name=spec.name,
        backend=backend,
        owner=ProcessIdentity.own(),
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        timeout=spec.lifetime,
        idle_timeout=spec.idle_timeout,
        is_detached=spec.is_detached,
        call_token=call_token,
        admin_token=admin_token,
        model_configs=[dataclasses.asdict(model.without_names) for model in config.models],
        summary={
            "gpu": config.gpu,
            "execution_mode": config.execution_mode.value,
            "models": [model.shown for model in config.models],
            "python_packages": list(config.python_packages),
            "secrets": list(config.secrets),
            "env": list(config.env),
            "memory": config.memory,
            "snapshot": spec.snapshot.id if spec.snapshot is not None else None,
        },
    )


def known_config(record: SandboxRecord) -> SandboxConfig:
    """Give as much of a sandbox's config as is written down: its models, for its kernels."""
    return SandboxConfig(
        models=[ModelConfig(**model) for model in record.model_configs],
        execution_mode=ExecutionMode(record.summary.get("execution_mode", "notebook")),
    )


def running_record(record: SandboxRecord, run: Run) -> SandboxRecord:
    """Describe it once it runs."""
    network = run.machine.network
    return dataclasses.replace(
        record,
        endpoint=run.machine.endpoint,
        isolation=dataclasses.asdict(run.machine.isolation),
        models=[dataclasses.asdict(handle) for handle in run.models],
        repos=[dataclasses.asdict(handle) for handle in run.repos],
        network=dataclasses.asdict(network) if network is not None else None,
        code_server=dataclasses.asdict(run.code_server) if run.code_server is not None else None,
    )


def running_machine(record: SandboxRecord) -> Machine | None:
    """Give the machine of a sandbox that runs; None where it has ended, or is out of reach."""
    if not (record.endpoint and is_running(record)):
        return None
    try:
        return load_backend(record.backend).attach(record)
    except (BackendError, SandboxError, SandboxLostError):
        return None


def way_to(record: SandboxRecord) -> Connection:
    """Give the way to the runtime of a sandbox that is written down, with its admin token."""
    if record.network is not None and record.network["endpoint"] == record.endpoint:
        return NetworkAccess(**record.network).connection("", record.admin_token)
    return Connection("", record.endpoint, record.admin_token)


def sweep(*, dry_run: bool = False) -> list[tuple[Path, SandboxRecord | None]]:
    """End and remove what is left of sandboxes whose owner is gone; gives what there was of it."""
    found = list(stale_sandboxes())
    for folder, record in found if not dry_run else ():
        if record is None:
            forget(folder.name)
        else:
            # One of a backend that is not here any more is left to whoever has it.
            with contextlib.suppress(BackendError):
                load_backend(record.backend).discard(record)
    return found


def remove_snapshot(which: str) -> Snapshot:
    """Remove a snapshot wherever it is.

    Raises:
        SnapshotError: there is none of that id.
        BackendError: its backend does not remove it; it stays written down.
    """
    snapshot = snapshots.find_snapshot(which)
    load_backend(snapshot.backend).drop_snapshot(snapshot)
    return snapshots.remove_snapshot(snapshot)
