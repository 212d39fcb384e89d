"""Models: from the name in a config to a directory in the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seer_rpc.backends import Backend
from seer_rpc.backends.models import ModelSource, model_slug
from seer_rpc.environment.config import ModelConfig


@dataclass(frozen=True)
class ModelHandle:
    """A model that a sandbox has."""

    name: str
    """As the config names it."""

    var_name: str
    path: str
    """Its directory inside the sandbox."""

    source: str
    """Where the files are from: a directory on this machine, or a volume on Modal."""

    commit: str = ""
    """The commit of its repository on the Hugging Face hub; empty for files of this machine."""


def find_models(
    configs: Iterable[ModelConfig], backend: Backend, secrets: Mapping[str, str]
) -> list[ModelHandle]:
    """Have the backend find or fetch every configured model; adapters bring their base.

    Raises:
        ModelNotFoundError: one is not to be had.
        ModelFetchError: one does not arrive where the sandbox is to run.
    """
    handles: list[ModelHandle] = []
    # What is there once is shown once, whatever names it has.
    paths: dict[str, str] = {}
    for config in configs:
        for name in filter(None, (config.name, config.base_model)):
            found = backend.find_model(ModelSource.parse(name), secrets)
            new = f"/models/{len(paths)}-{model_slug(name)}"
            path = paths.setdefault(found.location, new)
            handles.append(ModelHandle(name, config.var_name, path, found.location, found.commit))
    return handles
