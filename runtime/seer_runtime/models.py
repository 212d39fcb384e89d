"""Model names to directories: what `get_model_path` answers."""

from __future__ import annotations

from collections.abc import Mapping


class UnknownModelError(LookupError):
    """An interface asked for a model that its sandbox was not configured with."""


class ModelPaths:
    """The models that a sandbox was configured with."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        """Take each configured name, a revision after `@` included, and its directory."""
        self._paths = dict(paths)

    def get_model_path(self, name: str) -> str:
        """Give the directory of a configured model, under its name with or without `@revision`.

        Raises:
            UnknownModelError: no such model is configured.
        """
        by_name = {configured.partition("@")[0]: path for configured, path in self._paths.items()}
        path = self._paths.get(name) or by_name.get(name)
        if path is None:
            configured = ", ".join(sorted(self._paths)) or "none"
            raise UnknownModelError(
                f"no model {name!r} is configured (configured: {configured}); "
                f"add ModelConfig(name={name!r}) to the sandbox's models"
            )
        return path

    def list_configured_models(self) -> dict[str, str]:
        """Give the directory of each configured model by its name."""
        return dict(self._paths)
