"""Model names to directories: what `get_model_path` answers."""

from __future__ import annotations

from collections.abc import Mapping

from seer_runtime.wire.hiding import SealedName


class UnknownModelError(LookupError):
    """An interface asked for a model that its sandbox was not configured with."""


class ModelPaths:
    """The models that a sandbox was configured with."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        """Take each configured name, a revision after `@` included, and its directory.

        In the place of a hidden model's name is what stands for that.
        """
        self._paths: dict[str, str] = {}
        self._hidden: dict[SealedName, str] = {}
        for name, path in paths.items():
            sealed = SealedName.parse(name)
            if sealed is None:
                self._paths[name] = path
            else:
                self._hidden[sealed] = path

    @property
    def are_hidden(self) -> bool:
        """Whether there are such as must not be named."""
        return bool(self._hidden)

    def get_model_path(self, name: str) -> str:
        """Give the directory of a configured model, under its name with or without `@revision`.

        A hidden one also has the name of its variable, `model` unless the config says otherwise,
        and its base that with `_base` behind it.

        Raises:
            UnknownModelError: no such model is configured.
        """
        by_name = {configured.partition("@")[0]: path for configured, path in self._paths.items()}
        path = self._paths.get(name) or by_name.get(name) or self._find_hidden(name)
        if path is None:
            raise self._unknown(name)
        return path

    def list_configured_models(self) -> dict[str, str]:
        """Give the directory of each configured model by its name, or a hidden one's variable."""
        return {**self._paths, **{sealed.alias: path for sealed, path in self._hidden.items()}}

    def _find_hidden(self, name: str) -> str | None:
        return next((path for each, path in self._hidden.items() if each.stands_for(name)), None)

    def _unknown(self, name: str) -> UnknownModelError:
        if self.are_hidden:
            # The name may be wrong by a letter.
            return UnknownModelError(
                "no model of that name is configured; hidden ones are found by the name of their "
                "variable, too"
            )
        configured = ", ".join(sorted(self._paths)) or "none"
        return UnknownModelError(
            f"no model {name!r} is configured (configured: {configured}); "
            f"add ModelConfig(name={name!r}) to the sandbox's models"
        )
