"""Whether models fit into the memory of GPUs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from seer_rpc.environment.config.gpus import MEMORY, smallest_that_holds
from seer_rpc.environment.config.model import ModelConfig
from seer_rpc.environment.config.model_sizes import ModelSize, model_size

_CALLER = 5
"""The frames up to whoever makes a config."""


def warn_of_room(models: Sequence[ModelConfig], gpu: str, gpu_count: int) -> None:
    """Warn of models that the GPUs cannot hold."""
    sizes = {name: size for name in map(_of, models) if (size := model_size(name))}
    needed = sum(size.gigabytes for size in sizes.values())
    memory = MEMORY[gpu] * gpu_count
    if needed > memory:
        have = f"{gpu_count} x {gpu} have" if gpu_count > 1 else f"{gpu} has"
        each = "; ".join(_weight(model, sizes) for model in models if _of(model) in sizes)
        advice = smallest_that_holds(needed) or "a smaller model"
        warnings.warn(
            f"the models need about {needed:.0f} GB, and {have} {memory} GB ({each}); "
            f"write {advice}",
            stacklevel=_CALLER,
        )


def _of(model: ModelConfig) -> str:
    return model.base_model or model.name


def _weight(model: ModelConfig, sizes: dict[str, ModelSize]) -> str:
    size = sizes[_of(model)]
    name = "a hidden one" if model.hidden else _of(model)
    return f"{name}: {size.parameters / 1e9:.1f}B x {size.bits / 8:g} bytes, by {size.source}"
