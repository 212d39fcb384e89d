"""The Python packages that a sandbox needs."""

from __future__ import annotations

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from seer_rpc.environment.config import SandboxConfig
from seer_rpc.environment.config.requirements import parse_requirement

_FOR_MODELS = ("torch", "transformers", "accelerate")
_FOR_ADAPTERS = ("peft",)
_FOR_NOTEBOOKS = ("jupyter_server", "ipykernel", "nbformat", "jupyter_client", "jupyterlab")


def required_packages(config: SandboxConfig, *, has_notebooks: bool = False) -> list[Requirement]:
    """Give what the config names, and what its models and notebooks need unless it names that."""
    requirements = [parse_requirement(text) for text in config.python_packages]
    named = {canonicalize_name(requirement.name) for requirement in requirements}
    implied = [*(_FOR_MODELS if config.models else ()), *(_FOR_NOTEBOOKS if has_notebooks else ())]
    if any(model.is_peft for model in config.models):
        implied += _FOR_ADAPTERS
    missing = (name for name in implied if canonicalize_name(name) not in named)
    return [*requirements, *map(Requirement, missing)]
