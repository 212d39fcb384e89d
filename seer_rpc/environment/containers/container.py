"""Containers of repositories that bring a Dockerfile, by the docker program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seer_rpc.client.commands import CommandResult, OnOutput
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


class Docker(Protocol):
    """Where the docker program runs."""

    build_options: Sequence[str]
    run_options: Sequence[str]
    """What keeps a container to what its sandbox may use."""

    def check(self) -> None:
        """Make sure that an engine answers.

        Raises:
            ContainerError: none does.
        """

    def context(self, folder: Path) -> AbstractContextManager[str]:
        """Have a folder of this machine where the program finds it; gives its path there.

        Raises:
            ContainerError: it cannot be put there.
        """

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], on_output: OnOutput
    ) -> CommandResult:
        """Run the program, with these variables beside its own."""

    def remove(self, containers: Sequence[ContainerHandle]) -> None:
        """End containers and remove them; their images stay."""


def start_container(
    docker: Docker, handle: RepoHandle, sandbox_id: str, environment: Mapping[str, str]
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
    docker.check()
    image = f"seer/{handle.name.lower()}:{handle.revision[:12]}"
    name = f"seer-{sandbox_id}-{handle.name.lower()}"
    labels = ["--label", f"{LABEL}={sandbox_id}"]
    with checked_out_again(handle) as folder, status(f"building {handle.name}") as shown:
        file = _dockerfile(folder, handle.dockerfile)
        with docker.context(folder) as place:
            build = ["build", "--tag", image, *labels, *docker.build_options]
            build += ["--file", f"{place}/{file}", "--", place]
            _run(docker, build, {}, shown, f"the image of {handle.name} cannot be built")
    run = ["run", "--detach", "--name", name, *labels, *docker.run_options, *_names(environment)]
    with status(f"starting the container of {handle.name}") as shown:
        problem = f"the container of {handle.name} does not start"
        # By name: its command line is for every process to read.
        output = _run(docker, [*run, "--", image], environment, shown, problem)
    return ContainerHandle(output.split()[-1], name, image)


def _dockerfile(folder: Path, path: str) -> Path:
    """Give the file's path; the docker program would follow a link to anywhere."""
    root, file = folder.resolve(), (folder / path).resolve()
    if not file.is_relative_to(root) or not file.is_file():
        raise ContainerError(f"{path} leads out of the repository")
    return file.relative_to(root)


def _names(environment: Mapping[str, str]) -> list[str]:
    return [word for name in environment for word in ("--env", name)]


def _run(
    docker: Docker,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    shown: Status,
    problem: str,
) -> str:
    """Run it; gives what it printed on standard output."""
    result = docker.run(arguments, environment, shown.show)
    if not result.ok:
        lines = f"{result.stdout}{result.stderr}".splitlines()
        raise ContainerError(
            f"{problem}: {reason(result.stderr or result.stdout)}", log=lines[-_LAST_LINES:]
        )
    return result.stdout


def reason(text: str) -> str:
    """Give the line in which the program says what is the matter."""
    return text.strip().splitlines()[-1][:400] if text.strip() else "docker says nothing"
