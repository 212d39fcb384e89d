"""What a sandbox's first process is told and gets, at each level of isolation."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from seer_rpc.backends.import_path import LIBRARIES, with_libraries
from seer_rpc.backends.local import namespace
from seer_rpc.backends.local.folders import OWN, Folders
from seer_rpc.backends.local.groups import Groups
from seer_rpc.backends.local.interpreter import (
    interpreter_folders,
    interpreter_links,
    other_packages,
    runtime_folder,
)
from seer_rpc.backends.local.levels import landlock_version
from seer_rpc.backends.local.namespace import Bubblewrap, Namespace, find_bubblewrap
from seer_rpc.backends.local.python import Venv, own_packages
from seer_rpc.backends.network import Entrance
from seer_rpc.backends.protocol import Isolation, IsolationLevel, MachineSpec
from seer_rpc.errors import ConfigError
from seer_runtime.wire.marks import FRONT
from seer_runtime.wire.settings import Confinement, Settings

# What a process needs of the user's environment; the rest may hold secrets.
_PASSED_ON = frozenset(
    {
        "LANG",
        "LANGUAGE",
        "LD_LIBRARY_PATH",
        "NVIDIA_DRIVER_CAPABILITIES",
        "NVIDIA_TF32_OVERRIDE",
        "NVIDIA_VISIBLE_DEVICES",
        "PATH",
        "PYTHONPATH",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TMPDIR",
        "TZ",
        "VIRTUAL_ENV",
    }
)
# NVIDIA_API_KEY and its like are why there are not more of them.
_PASSED_ON_PREFIXES = ("CUDA_", "LC_", "MKL_", "OMP_", "ROCM_", "TORCH_")
# gRPC's own messages are none that help, and strangers at a port could fill the log with them.
_GRPC = {"GRPC_ENABLE_FORK_SUPPORT": "0", "GRPC_VERBOSITY": "NONE"}
_FILTERED_MACHINES = ("x86_64", "aarch64")
# Of /proc what tells of the machine: the rest of it tells of its processes.
_MACHINE = ("cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "uptime", "version")
# No pseudo-terminals: the user's own ones lie in the same folder.
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


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
            hint="leave out listen=, or block_network=True",
        )
    watches = spec.limits.memory is not None and "memory" not in groups.controllers
    events = _count_here(folders) if watches else groups.memory_events
    settings = Settings(
        sandbox_id=spec.sandbox_id,
        address=f"unix:{folders.socket}",
        call_token_digest=spec.call_token_digest,
        admin_token_digest=spec.admin_token_digest,
        environment={},
        python=python.python,
        working_directory=str(folders.all / "root"),
        sockets=str(folders.run),
        lifetime=spec.lifetime,
        idle_timeout=spec.idle_timeout,
        is_detached=spec.is_detached,
        port=entrance.port if entrance is not None else None,
        journal=str(folders.run),
        memory_events=str(events or ""),
        memory_limit=spec.limits.memory,
    )
    isolation = Isolation(
        level=level,
        files=level != "none",
        network=spec.blocks_network,
        processes=level == "namespace" or (level == "landlock" and landlock_version() >= 6),
        memory=_memory_level(spec, watches),
        syscalls=level != "none" and platform.machine() in _FILTERED_MACHINES,
        paths=level == "namespace",
    )
    common: dict[str, Sequence[object]]
    common = {"memory_events": [events or ""], "watches_memory": [True] if watches else []}
    make = _in_namespace if level == "namespace" else _in_the_open
    world = make(World(isolation, common, settings), spec, folders, events, python)
    if level == "landlock":
        confined = replace(world.settings, confinement=_confinement(spec, folders, events, python))
        return replace(world, settings=confined)
    return world


def _in_namespace(
    world: World, spec: MachineSpec, folders: Folders, events: Path | None, python: Venv
) -> World:
    bubblewrap = find_bubblewrap()
    assert isinstance(bubblewrap, Bubblewrap)
    place = Namespace(
        bubblewrap, spec, folders, events, [*python.layers.read_only(), *spec.programs]
    )
    environment = place.environment(_passed_on())
    descriptors = place.descriptors({**environment, **_GRPC, FRONT: spec.sandbox_id})
    return replace(
        world,
        plan={
            **world.plan,
            "command": place.command,
            "environment": [],
            "descriptors": descriptors,
        },
        settings=replace(
            world.settings,
            address=f"unix:{namespace.RUN}/{folders.socket.name}",
            environment=with_libraries(
                {**_with(python, environment), **spec.environment}, LIBRARIES
            ),
            working_directory="/root",
            sockets=namespace.RUN,
            journal=namespace.RUN,
            memory_events=namespace.MEMORY_EVENTS if events is not None else "",
            # Of files, processes and a network there is nothing but what is its own.
            confinement=Confinement(),
        ),
    )


def _in_the_open(
    world: World, spec: MachineSpec, folders: Folders, _: Path | None, python: Venv
) -> World:
    environment = _passed_on()
    own, packages = _with(python, environment), []
    if world.isolation.files:
        packages = [str(_library(folders, python))]
        temporary = {"TMPDIR": str(_temporary(folders))}
        own |= temporary
        environment |= temporary
        environment["PYTHONPATH"] = os.pathsep.join([*packages, *other_packages()])
    home = str(folders.all / "root")
    for path, source in spec.models.items():
        folders.find(path).symlink_to(source, target_is_directory=True)
    started = {**environment, **_GRPC, FRONT: spec.sandbox_id}
    return replace(
        world,
        plan={
            **world.plan,
            "command": [sys.executable, "-P", "-m", "seer_runtime"],
            "environment": [f"{name}={value}" for name, value in started.items()],
            "descriptors": [],
        },
        settings=replace(
            world.settings,
            environment=with_libraries(
                {**own, "HOME": home, **spec.environment}, str(folders.find(LIBRARIES)), *packages
            ),
            folders={f"/{name}": str(folders.all / name) for name in OWN},
        ),
    )


def _with(python: Venv, environment: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of what runs in the sandbox's own Python."""
    path = os.pathsep.join([python.path, environment.get("PATH", os.defpath)])
    own = {**environment, **python.variables, "PATH": path}
    # Its folders are among the layers, below what the sandbox has of its own.
    own.pop("PYTHONPATH", None)
    return own


def _confinement(
    spec: MachineSpec, folders: Folders, events: Path | None, python: Venv
) -> Confinement:
    devices = [Path("/dev", name) for name in _DEVICES]
    readable = [
        *map(Path, namespace.system_paths()),
        *interpreter_folders(),
        *interpreter_links(),
        runtime_folder(),
        *python.layers.read_only(),
        *spec.programs,
        _library(folders, python),
        *(Path("/proc", name) for name in _MACHINE),
        *map(Path, spec.models.values()),
        *([events] if events is not None else []),
    ]
    return Confinement(
        restricts_files=True,
        writable=[*map(str, [*folders.written, *devices]), *namespace.gpu_devices()],
        readable=list(map(str, readable)),
        has_network=not spec.blocks_network,
    )


def _library(folders: Folders, python: Venv) -> Path:
    """Give a folder to import from what is not installed, and nothing that lies beside it here."""
    library = folders.all / "lib"
    library.mkdir(exist_ok=True)
    for package in (*own_packages(), *python.layers.interpreter.loose()):
        link = library / package.name
        if not link.is_symlink():
            link.symlink_to(package)
    return library


def _temporary(folders: Folders) -> Path:
    folders.temporary.mkdir(exist_ok=True, mode=0o700)
    return folders.temporary


def _count_here(folders: Folders) -> Path:
    """Give the file in which the warden counts what it kills."""
    file = folders.all / "memory.events"
    file.write_text("oom_kill 0\n")
    return file


def _memory_level(spec: MachineSpec, watches: bool) -> Literal["kernel", "watched", "unlimited"]:
    if spec.limits.memory is None:
        return "unlimited"
    return "watched" if watches else "kernel"


def _passed_on() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
