"""What Modal is asked for: a sandbox whose first process is the runtime."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import modal

from seer_rpc.backends.import_path import LIBRARIES, with_libraries
from seer_rpc.backends.modal.images import LIBRARY
from seer_rpc.backends.modal.support import LONGEST
from seer_rpc.backends.modal.volumes import mounted
from seer_rpc.backends.network import Entrance
from seer_rpc.backends.protocol import Isolation, MachineSpec
from seer_rpc.errors import ConfigError
from seer_runtime.wire.settings import SETTINGS, Port, Settings

APP = "seer-rpc"
"""The app to which all sandboxes belong."""

_PORT = 50_051
WEB_PORT = 8_888
"""Where web servers listen in sandboxes that have one."""

TAG = "seer-rpc"
"""The tag whose value is the sandbox's id."""

_COMMAND = ("python", "-P", "-m", "seer_runtime")
FRONT_FOLDER = "/run/seer"
"""Where the front has its sockets and the journal."""

_HOME = "/root"
# gRPC's own messages are none that help, and strangers at the tunnel could fill the log with them.
_GRPC = {"GRPC_ENABLE_FORK_SUPPORT": "0", "GRPC_VERBOSITY": "NONE"}

_SLACK = 60
"""Seconds that the front has to end by itself, and say why, before Modal ends it."""

_UNOWNED = 600
"""Seconds that a sandbox lives without a call, where it is not to outlive its owner."""

_CPU = 2.0
_MEMORY = 4096
"""MiB, as for each GPU four times."""

_LARGER = 4
_MOST_SETTINGS = 120_000
"""Bytes: the kernel takes no variable that is much longer."""

# What is there was fetched beforehand; without a token, the hub would be asked in vain.
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}

_DOCKER = {"enable_docker_in_gvisor": True}
_MODAL_NAMES = {"A10G": "A10"}


def name(sandbox_id: str) -> str:
    """Give a sandbox's name on Modal, by which it is found."""
    return f"seer-{sandbox_id}"


def command() -> tuple[str, ...]:
    """Give the sandbox's first process."""
    return _COMMAND


def plan_entrance(spec: MachineSpec) -> Entrance | None:
    """Plan the port at which the runtime itself encrypts, if it is to.

    Raises:
        PackageMissingError: its certificates cannot be made here.
    """
    # Where the tunnel will lead, nobody knows yet.
    return Entrance.of(spec, f"{spec.sandbox_id}.seer")


def port(entrance: Entrance | None) -> int:
    """Give the port in the sandbox to which the tunnel leads."""
    return (entrance.listening.address.port if entrance is not None else 0) or _PORT


def options(spec: MachineSpec, entrance: Entrance | None) -> Mapping[str, Any]:
    """Give everything else that `modal.Sandbox.create` takes, but the app and the image.

    Raises:
        ConfigError: the variables are too large.
    """
    lifetime = math.ceil(min(spec.lifetime + _SLACK, LONGEST))
    return {
        "name": name(spec.sandbox_id),
        "gpu": gpu(spec),
        "secrets": [
            *map(modal.Secret.from_name, spec.secrets.values()),
            _secret(spec, entrance),
        ],
        "volumes": {path: mounted(volume) for path, volume in spec.models.items()},
        "timeout": lifetime,
        # Modal takes one for idle that works without a connection, on what was left to it: only the
        # front knows whether it is needed.
        "idle_timeout": lifetime,
        "h2_ports" if entrance is None else "unencrypted_ports": [port(entrance)],
        "encrypted_ports": [WEB_PORT] if spec.has_web else [],
        # Who calls still comes in by the tunnel.
        "outbound_cidr_allowlist": [] if spec.blocks_network else None,
        "inbound_cidr_allowlist": list(spec.allowed) or None,
        "readiness_probe": modal.Probe.with_tcp(port(entrance)),
        "tags": {TAG: spec.sandbox_id},
        "workdir": _HOME,
        "region": spec.region,
        "experimental_options": dict(_DOCKER) if spec.has_docker else None,
        **_resources(spec),
    }


def gpu(spec: MachineSpec) -> str | None:
    """Give the GPU as Modal writes it: "H100:2"."""
    if spec.gpu is None:
        return None
    return f"{_MODAL_NAMES.get(spec.gpu, spec.gpu)}:{spec.gpu_count}"


def isolation(spec: MachineSpec) -> Isolation:
    """Say what keeps the sandbox apart."""
    return Isolation(
        level="modal",
        files=True,
        network=spec.blocks_network,
        processes=True,
        memory="kernel" if spec.limits.memory is not None else "unlimited",
        syscalls=True,
        paths=True,
    )


def _resources(spec: MachineSpec) -> Mapping[str, Any]:
    times = 1 if spec.gpu is None else _LARGER * spec.gpu_count
    cpus, limit = spec.limits.cpus, spec.limits.memory
    mebibytes = None if limit is None else math.ceil(limit / (1 << 20))
    return {
        "cpu": _CPU * times if cpus is None else (cpus, cpus),
        "memory": _MEMORY * times if mebibytes is None else (mebibytes, mebibytes),
    }


def _secret(spec: MachineSpec, entrance: Entrance | None) -> modal.Secret:
    """Give the settings, which hold variables of the user's, as what Modal keeps as a secret."""
    line = _settings(spec, entrance).to_json().decode().strip()
    if len(line) > _MOST_SETTINGS:
        raise ConfigError(
            f"env= and secrets= are {len(line)} bytes together, and a sandbox on Modal takes "
            f"{_MOST_SETTINGS}",
            hint="put what is large into a file, and local_files=",
        )
    return modal.Secret.from_dict({SETTINGS: line, **_GRPC})


def _settings(spec: MachineSpec, entrance: Entrance | None) -> Settings:
    address = f"0.0.0.0:{port(entrance)}"
    own = entrance.port if entrance is not None else Port(address=address)
    return Settings(
        sandbox_id=spec.sandbox_id,
        address=f"unix:{FRONT_FOLDER}/front.sock",
        port=dataclasses.replace(own, address=address),
        call_token_digest=spec.call_token_digest,
        admin_token_digest=spec.admin_token_digest,
        environment=with_libraries(_variables(spec), LIBRARIES, LIBRARY),
        working_directory=_HOME,
        sockets=FRONT_FOLDER,
        journal=FRONT_FOLDER,
        masked_names=spec.masked_names,
        lifetime=spec.lifetime,
        idle_timeout=spec.idle_timeout,
        is_detached=spec.is_detached,
        # There is no pipe to the owner.
        unowned_timeout=_UNOWNED,
        memory_limit=spec.limits.memory,
    )


def _variables(spec: MachineSpec) -> Mapping[str, str]:
    """Keep models from being looked for elsewhere."""
    return {**(_OFFLINE if spec.models else {}), **spec.environment}
