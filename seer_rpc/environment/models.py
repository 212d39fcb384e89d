"""Models: from the name in a config to a directory in the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from seer_rpc.backends import Backend
from seer_rpc.backends.models import FoundModel, ModelSource, model_slug
from seer_rpc.environment.adapters import check_base
from seer_rpc.environment.config import ModelConfig
from seer_runtime.wire.hiding import Names, seal


@dataclass(frozen=True)
class ModelHandle:
    """A model that a sandbox has."""

    name: str
    """As the config names it; of a hidden one, what stands for that."""

    var_name: str
    path: str
    """Its directory inside the sandbox."""

    source: str
    """Where the files are from: a directory on this machine, or a volume on Modal; empty where the
    model is hidden."""

    commit: str = ""
    """The commit of its repository on the Hugging Face hub; empty for files of this machine, and
    where the model is hidden."""


class Models(NamedTuple):
    """What a sandbox gets."""

    handles: Sequence[ModelHandle]
    sources: Mapping[str, str]
    """Where the backend has what is to be at each path."""

    hidden: Mapping[str, Names]
    """The names that what is at a path is not to have."""


class _Wanted(NamedTuple):
    config: ModelConfig
    source: ModelSource


def find_models(
    configs: Sequence[ModelConfig], backend: Backend, secrets: Mapping[str, str]
) -> Models:
    """Have the backend find or fetch every configured model; adapters bring their base.

    Raises:
        ConfigError: an adapter was made for another base than it is to be put on.
        ModelNotFoundError: one is not to be had.
        ModelFetchError: one does not arrive where the sandbox is to run.
    """
    handles: list[ModelHandle] = []
    # What is there once is shown once, whatever names it has; but never under one that is hidden.
    paths: dict[tuple[str, bool], str] = {}
    hidden: dict[str, Names] = {}
    for wanted in _wanted(configs):
        found = backend.find_model(wanted.source, secrets)
        new = folder_name(len(paths), wanted.source)
        key = found.location, wanted.config.hidden
        path = paths.setdefault(key, f"/models/{new}")
        handles.append(_handle(wanted, path, found))
        if wanted.source.name == wanted.config.name:
            check_base(wanted.config, wanted.source, found)
        if wanted.source.hidden is not None:
            hidden[path] = wanted.source.hidden
    return Models(handles, {path: key[0] for key, path in paths.items()}, hidden)


def folder_name(number: int, source: ModelSource) -> str:
    """Name a model's folder in the sandbox."""
    return f"{number}-{model_slug(source.name)}" if source.hidden is None else str(number)


def hidden_names(configs: Iterable[ModelConfig]) -> Names:
    """Give all the names that are to be hidden: files of one model may hold those of another."""
    return Names(name for config in configs if config.hidden for name in _names(config))


def _wanted(configs: Sequence[ModelConfig]) -> Iterator[_Wanted]:
    names = hidden_names(configs)
    for config in configs:
        for name in _names(config):
            alias = config.var_name if name == config.name else f"{config.var_name}_base"
            hidden = (alias, names) if config.hidden else ()
            yield _Wanted(config, ModelSource.parse(name, *hidden))


def _names(config: ModelConfig) -> Iterator[str]:
    return filter(None, (config.name, config.base_model))


def _handle(wanted: _Wanted, path: str, found: FoundModel) -> ModelHandle:
    variable, source = wanted.config.var_name, wanted.source
    if source.hidden is None:
        return ModelHandle(source.name, variable, path, found.location, found.commit)
    return ModelHandle(seal(source.name, source.alias), variable, path, "")
