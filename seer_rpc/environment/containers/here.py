"""The Docker of this machine, for containers that run beside sandboxes."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seer_rpc.client.commands import CommandResult, OnOutput
from seer_rpc.environment.config import SandboxConfig
from seer_rpc.environment.containers.container import ContainerHandle, reason
from seer_rpc.errors import ContainerError


class DockerHere:
    """The docker program of this machine."""

    build_options: Sequence[str] = ()

    def __init__(self, config: SandboxConfig) -> None:
        """Run containers that are as limited as a sandbox of that config."""
        self.run_options: Sequence[str] = _limits(config)

    def check(self) -> None:
        """Make sure that an engine answers.

        Raises:
            ContainerError: none does.
        """
        asked = subprocess.run(
            [_program(), "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if asked.returncode != 0:
            raise ContainerError(
                f"containers need a Docker engine, and none answers: {reason(asked.stderr)}",
                hint="start it (`systemctl start docker`), or point DOCKER_HOST to one",
            )

    @contextlib.contextmanager
    def context(self, folder: Path) -> Iterator[str]:
        """Give the folder as it is."""
        yield str(folder)

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], on_output: OnOutput
    ) -> CommandResult:
        """Run the program; both its streams are one."""
        with subprocess.Popen(
            [_program(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **environment},
        ) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                on_output(line)
        return CommandResult("".join(lines), "", process.returncode)

    def remove(self, containers: Sequence[ContainerHandle]) -> None:
        """End containers and remove them; their images stay."""
        if containers and (program := shutil.which("docker")):
            subprocess.run(
                [program, "rm", "--force", "--volumes", "--", *(each.id for each in containers)],
                capture_output=True,
                check=False,
            )


def _program() -> str:
    """Give its path: the sandbox's variables, PATH among them, do not say which one it is."""
    program = shutil.which("docker")
    if program is None:
        raise ContainerError(
            "containers need Docker, which is not here",
            hint="install Docker; or run what the Dockerfile runs with exec()",
        )
    return program


def _limits(config: SandboxConfig) -> list[str]:
    given = {
        "--memory": f"{config.memory}m" if config.memory else None,
        "--cpus": config.cpus,
        "--pids-limit": config.processes,
        "--network": "none" if config.blocks_network else None,
    }
    return [f"{option}={value}" for option, value in given.items() if value is not None]
