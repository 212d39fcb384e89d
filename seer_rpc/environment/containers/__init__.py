"""Containers of repositories that bring a Dockerfile: beside a sandbox, or inside it."""

from seer_rpc.environment.containers.container import ContainerHandle, Docker, start_container
from seer_rpc.environment.containers.here import DockerHere
from seer_rpc.environment.containers.inside import DockerInside, start_docker

__all__ = [
    "ContainerHandle",
    "Docker",
    "DockerHere",
    "DockerInside",
    "start_container",
    "start_docker",
]
