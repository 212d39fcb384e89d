"""Containers of repositories that bring a Dockerfile, by the docker program."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seer_rpc.environment.config import SandboxConfig
from seer_rpc.environment.repos import RepoHandle, checked_out_again
from seer_rpc.errors import ConfigError, ContainerError
from seer_rpc.progress import Status, status

LABEL = "seer.sandbox"
"""The label that names a container's sandbox."""

_LAST_LINES = 20


@dataclass(frozen=True)
class ContainerHandle:
    """A container that was started for a sandbox and ends with it."""

    id: str
    name: str
    image: str


def start_container(
    handle: RepoHandle,
    sandbox_id: str,
    config: SandboxConfig,
    environment: Mapping[str, str],
) -> ContainerHandle:
    """Build the image of a repository's Dockerfile, from the files as they came, and run it.

    Raises:
        ConfigError: the repository has no Dockerfile.
        ContainerError: there is no Docker engine, or the image cannot be built or run.
    """
    if handle.dockerfile is None:
        raise ConfigError(
            f"{handle.name} has no Dockerfile",
            hint='say where it is: RepoConfig(url=..., dockerfile="Dockerfile")',
        )
    docker = _docker()
    image = f"seer/{handle.name.lower()}:{handle.revision[:12]}"
    name = f"seer-{sandbox_id}-{handle.name.lower()}"
    labels = ["--label", f"{LABEL}={sandbox_id}"]
    with checked_out_again(handle) as folder, status(f"building {handle.name}") as shown:
        file = _dockerfile(folder, handle.dockerfile)
        build = ["build", "--tag", image, *labels, "--file", str(file), "--", str(folder)]
        _run([docker, *build], os.environ, shown, f"the image of {handle.name} cannot be built")
    run = ["run", "--detach", "--name", name, *labels, *_limits(config), *_names(environment)]
    with status(f"starting the container of {handle.name}") as shown:
        output = _run(
            [docker, *run, "--", image],
            # By name: its command line is for every process to read.
            {**os.environ, **environment},
            shown,
            f"the container of {handle.name} does not start",
        )
    return ContainerHandle(output.split()[-1], name, image)


def remove_containers(handles: Sequence[ContainerHandle]) -> None:
    """End containers and remove them; their images stay."""
    if handles and (docker := shutil.which("docker")):
        subprocess.run(
            [docker, "rm", "--force", "--volumes", "--", *(each.id for each in handles)],
            capture_output=True,
            check=False,
        )


def _docker() -> str:
    docker = shutil.which("docker")
    if docker is None:
        raise ContainerError(
            "containers need Docker, which is not here",
            hint="install Docker; or run what the Dockerfile runs with exec()",
        )
    asked = subprocess.run(
        [docker, "version", "--format", "{{.Server.Version}}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if asked.returncode != 0:
        raise ContainerError(
            f"containers need a Docker engine, and none answers: {_reason(asked.stderr)}",
            hint="start it (`systemctl start docker`), or point DOCKER_HOST to one",
        )
    return docker


def _dockerfile(folder: Path, path: str) -> Path:
    """Give the file; the docker program would follow a link to anywhere on this machine."""
    file = (folder / path).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        raise ContainerError(f"{path} leads out of the repository")
    return file


def _limits(config: SandboxConfig) -> list[str]:
    given = {
        "--memory": f"{config.memory}m" if config.memory else None,
        "--cpus": config.cpus,
        "--pids-limit": config.processes,
        "--network": "none" if config.block_network else None,
    }
    return [f"{option}={value}" for option, value in given.items() if value is not None]


def _names(environment: Mapping[str, str]) -> list[str]:
    return [word for name in environment for word in ("--env", name)]


def _run(
    command: Sequence[str], environment: Mapping[str, str], shown: Status, problem: str
) -> str:
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            shown.show(line)
        if process.wait() != 0:
            raise ContainerError(
                f"{problem}: {_reason(lines[-1] if lines else '')}", log=lines[-_LAST_LINES:]
            )
    return "\n".join(lines)


def _reason(text: str) -> str:
    return text.strip().splitlines()[-1][:400] if text.strip() else "docker says nothing"
