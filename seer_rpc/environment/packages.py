"""The Python packages that a sandbox needs."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from seer_rpc.environment.config import SandboxConfig
from seer_rpc.errors import ConfigError, PackageMissingError

_FOR_MODELS = ("torch", "transformers", "accelerate")
_FOR_ADAPTERS = ("peft",)


def required_packages(config: SandboxConfig) -> list[Requirement]:
    """Give what the config names, and what its models need unless it names that itself.

    Raises:
        ConfigError: a requirement cannot be read.
    """
    requirements = [_parse(text) for text in config.python_packages]
    named = {canonicalize_name(requirement.name) for requirement in requirements}
    implied = list(_FOR_MODELS) if config.models else []
    if any(model.is_peft for model in config.models):
        implied += _FOR_ADAPTERS
    return [*requirements, *(Requirement(name) for name in implied if name not in named)]


def check_installed(requirements: Iterable[Requirement]) -> None:
    """Check that this interpreter, which local sandboxes share, has the packages.

    Raises:
        PackageMissingError: it lacks some; the message names them all.
    """
    missing = [str(requirement) for requirement in requirements if not _is_installed(requirement)]
    if missing:
        raise PackageMissingError(
            f"the sandbox would lack {', '.join(missing)}",
            hint=f"pip install {shlex.join(missing)}",
        )


def _parse(text: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        raise ConfigError(
            f"python_packages: {text!r} is no requirement: {error}",
            hint='write "name" or "name==version"',
        ) from None


def _is_installed(requirement: Requirement) -> bool:
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    versions: Sequence[str] = [
        distribution.version for distribution in metadata.distributions(name=requirement.name)
    ]
    return any(requirement.specifier.contains(version, prereleases=True) for version in versions)
