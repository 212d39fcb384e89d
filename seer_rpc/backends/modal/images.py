"""The image of a sandbox: what changes seldom first, so that Modal builds little anew."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import modal

from seer_rpc.backends.packages import worker_needs
from seer_rpc.backends.protocol import MachineSpec

LIBRARY = "/opt/seer"
"""Where the runtime lies in a sandbox."""

_PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
_FRONT_NEEDS = ("grpcio", "grpcio-health-checking")
_DOCKER = ("docker.io", "iptables", "iproute2")
_OURS_FIRST = ("ENV PATH=/usr/local/bin:$PATH", "ENTRYPOINT []")
"""Images bring Pythons of their own, and programs that others are to start through."""

_PACKAGES = ("seer_runtime", "seer_interfaces")
_IGNORED = ["**/__pycache__", "**/*.pyc"]


def make_image(spec: MachineSpec) -> modal.Image:
    """Describe the image; nothing is built yet."""
    pins = runtime_pins()
    image = _base(spec)
    if spec.has_docker:
        image = image.apt_install(*_DOCKER)
    if spec.system_packages:
        image = image.apt_install(*spec.system_packages)
    image = image.uv_pip_install(*pins)
    if spec.packages:
        # With the pins, so that no package of the user's takes another version of what runs it.
        image = image.uv_pip_install(*map(str, spec.packages), *pins)
    return _with_runtime(image)


def fetching_image() -> modal.Image:
    """Describe the image of sandboxes that fetch models."""
    return _with_runtime(_slim().uv_pip_install(*_pins(["huggingface_hub"])))


def _base(spec: MachineSpec) -> modal.Image:
    if spec.snapshot is not None:
        return modal.Image.from_id(spec.snapshot.image)
    if spec.image is None:
        return _slim()
    return modal.Image.from_registry(
        spec.image, add_python=_PYTHON, setup_dockerfile_commands=list(_OURS_FIRST)
    )


def _slim() -> modal.Image:
    return modal.Image.debian_slim(python_version=_PYTHON)


def runtime_pins() -> list[str]:
    """Give what the runtime needs, in the versions that are here: both ends have the same."""
    return _pins([*_FRONT_NEEDS, *(each.name for each in worker_needs())])


def _pins(names: Iterable[str]) -> list[str]:
    return [f"{name}=={metadata.version(name)}" for name in sorted(names)]


def _with_runtime(image: modal.Image) -> modal.Image:
    image = image.env({"PYTHONPATH": LIBRARY})
    for name in _PACKAGES:
        image = image.add_local_dir(_folder(name), f"{LIBRARY}/{name}", ignore=_IGNORED)
    return image


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent
