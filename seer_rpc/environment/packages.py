"""The Python packages that a sandbox needs."""

from __future__ import annotations

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from seer_rpc.environment.config import SandboxConfig
from seer_rpc.environment.config.requirements import parse_requirement

_FOR_MODELS = ("torch", "transformers", "accelerate")
_FOR_ADAPTERS = ("peft",)


def required_packages(config: SandboxConfig) -> list[Requirement]:
    """Give what the config names, and what its models need unless it names that itself."""
    requirements = [parse_requirement(text) for text in config.python_packages]
    named = {canonicalize_name(requirement.name) for requirement in requirements}
    implied = list(_FOR_MODELS) if config.models else []
    if any(model.is_peft for model in config.models):
        implied += _FOR_ADAPTERS
    return [*requirements, *(Requirement(name) for name in implied if name not in named)]
