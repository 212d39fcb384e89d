"""What a kernel begins with: code that loads models, says what they are, and is the user's own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seer_rpc.environment import ModelConfig, Sandbox
from seer_rpc.workspace import Workspace

_MODULE = "seer_runtime.kernel.preloading"


@dataclass(frozen=True)
class Step:
    """Code that runs when a kernel has started."""

    id: str
    code: str
    hidden: bool

    def to_json(self) -> dict[str, Any]:
        """Give what the server takes."""
        return {"id": self.id, "code": self.code, "hidden": self.hidden}


def steps(sandbox: Sandbox, workspace: Workspace) -> list[Step]:
    """Plan what the kernels of a session begin with."""
    models = _models(sandbox) if workspace.preload_models else []
    found = list(_loading(models, workspace.hidden_model_loading))
    if workspace.custom_init_code.strip():
        found.append(Step("init", workspace.custom_init_code, hidden=True))
    return found


@dataclass(frozen=True)
class _Model:
    config: ModelConfig
    path: str
    adapter: str | None

    @property
    def loading(self) -> Mapping[str, Any]:
        """What is needed to load it."""
        return {
            "var_name": self.config.var_name,
            "path": self.path,
            "adapter": self.adapter,
            "hidden": self.config.hidden,
        }

    @property
    def description(self) -> Mapping[str, Any]:
        """What may be said of it."""
        base = None if self.config.hidden else self.config.base_model
        return {
            "var_name": self.config.var_name,
            "name": self.config.shown,
            "base": base,
            "hidden": self.config.hidden,
        }

    @property
    def line(self) -> str:
        """The line of a cell that loads it."""
        name = self.config.var_name
        tokenizer = "tokenizer" if name == "model" else f"{name}_tokenizer"
        more = f", adapter={self.adapter!r}" if self.adapter is not None else ""
        return f"{name}, {tokenizer} = load_model({self.path!r}{more})"


def _models(sandbox: Sandbox) -> list[_Model]:
    # An adapter comes before its base.
    paths: dict[str, list[str]] = defaultdict(list)
    for handle in sandbox.model_handles:
        paths[handle.var_name].append(sandbox.path_inside(handle.path))
    return [
        _Model(config, paths[config.var_name][1], paths[config.var_name][0])
        if config.base_model
        else _Model(config, paths[config.var_name][0], None)
        for config in sandbox.config.models
    ]


def _loading(models: Sequence[_Model], hidden: bool) -> Iterator[Step]:
    if not models:
        return
    # What is not to be known is in no cell, whatever the others are.
    secret = [each for each in models if hidden or each.config.hidden]
    shown = [each for each in models if each not in secret]
    if secret:
        yield Step("models", _call("preload", [each.loading for each in secret]), hidden=True)
    if shown:
        lines = [f"from {_MODULE} import load_model", "", *(each.line for each in shown)]
        yield Step("shown-models", "\n".join(lines), hidden=False)
    yield Step("description", _call("describe", [each.description for each in models]), hidden=True)


def _call(function: str, models: Sequence[Mapping[str, Any]]) -> str:
    """Give code that calls a function and leaves no name behind."""
    module = f"__import__({_MODULE!r}, fromlist=[{function!r}])"
    return f"{module}.{function}(get_ipython(), {[dict(each) for each in models]!r})"
