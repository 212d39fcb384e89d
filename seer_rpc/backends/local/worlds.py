"""What a sandbox's first process is told and gets, at each level of isolation."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seer_rpc.backends.local.folders import Folders
from seer_rpc.backends.local.groups import Groups
from seer_rpc.backends.local.levels import landlock_version
from seer_rpc.backends.local.places import make_place
from seer_rpc.backends.local.python import Venv
from seer_rpc.backends.network import Entrance
from seer_rpc.backends.protocol import Isolation, IsolationLevel, MachineSpec
from seer_rpc.errors import ConfigError
from seer_runtime.wire.settings import Settings

_FILTERED_MACHINES = ("x86_64", "aarch64")


@dataclass(frozen=True)
class World:
    """How a sandbox's first process is started, what it is told, and what that guarantees."""

    isolation: Isolation
    plan: Mapping[str, Sequence[object]]
    """What the warden is told of it."""

    settings: Settings


def make_world(
    level: IsolationLevel,
    spec: MachineSpec,
    folders: Folders,
    groups: Groups,
    entrance: Entrance | None,
    python: Venv,
) -> World:
    """Plan the world of a sandbox, in which its processes run `python`.

    Raises:
        ConfigError: it cannot be reached from other machines without a network.
        SandboxStartError: its files are in the way.
    """
    if spec.blocks_network and entrance is not None:
        raise ConfigError(
            "a sandbox without a network cannot listen for other machines",
            hint="leave out listen=, or block_network=True; with a hidden model write "
            "block_network=False",
        )
    watches = spec.limits.memory is not None and "memory" not in groups.controllers
    events = _count_here(folders) if watches else groups.memory_events
    place = make_place(level, spec, folders, events, python)
    plan: dict[str, Sequence[object]] = {
        "command": place.command,
        "environment": [f"{name}={value}" for name, value in place.environment.items()],
        "descriptors": place.descriptors,
        "memory_events": [events or ""],
        "watches_memory": [True] if watches else [],
    }
    settings = Settings(
        sandbox_id=spec.sandbox_id,
        address=f"unix:{place.socket}",
        call_token_digest=spec.call_token_digest,
        admin_token_digest=spec.admin_token_digest,
        environment=place.variables,
        python=python.python,
        working_directory=place.home,
        folders=place.folders,
        sockets=place.run,
        lifetime=spec.lifetime,
        idle_timeout=spec.idle_timeout,
        is_detached=spec.is_detached,
        confinement=place.confinement,
        port=entrance.port if entrance is not None else None,
        journal=place.run,
        masked_names=spec.masked_names,
        memory_events=place.memory_events,
        memory_limit=spec.limits.memory,
    )
    return World(_isolation(level, spec, watches), plan, settings)


def _isolation(level: IsolationLevel, spec: MachineSpec, watches: bool) -> Isolation:
    return Isolation(
        level=level,
        files=level != "none",
        network=spec.blocks_network,
        processes=level == "namespace" or (level == "landlock" and landlock_version() >= 6),
        memory=_memory_level(spec, watches),
        syscalls=level != "none" and platform.machine() in _FILTERED_MACHINES,
        paths=level == "namespace",
    )


def _count_here(folders: Folders) -> Path:
    """Give the file in which the warden counts what it kills."""
    file = folders.all / "memory.events"
    file.write_text("oom_kill 0\n")
    return file


def _memory_level(spec: MachineSpec, watches: bool) -> Literal["kernel", "watched", "unlimited"]:
    if spec.limits.memory is None:
        return "unlimited"
    return "watched" if watches else "kernel"
