"""Hooks that take a layer's output for a tuple run on models whose layers give tensors.

Layers of transformers gave tuples once, and most code with hooks says `output[0]`. Of a tensor that
is the first row of the batch, without an error.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from types import MethodType
from typing import Any

from seer_runtime.kernel.layers import find_layers

VARIABLE = "SEER_TUPLE_OUTPUTS"
"""Set to 0 in the environment of a sandbox, models are left as they are."""


def adapt(model: Any) -> None:
    """Have the hooks of a model's layers get outputs that are tuples and tensors alike."""
    if os.environ.get(VARIABLE) == "0":
        return
    try:
        layers = find_layers(model)
    except (ValueError, AttributeError):
        # A kind of model that nobody has hooks of this kind for.
        return
    for layer in layers:
        layer.register_forward_hook = MethodType(_register, layer)


def _register(layer: Any, hook: Callable[..., Any], **options: Any) -> Any:
    from torch.nn import Module

    def adapted(module: Any, inputs: Any, *more: Any) -> Any:
        from torch import Tensor

        *others, output = more
        if not isinstance(output, Tensor):
            return hook(module, inputs, *others, output)
        changed = hook(module, inputs, *others, LayerOutput((output,)))
        return changed[0] if isinstance(changed, tuple) else changed

    return Module.register_forward_hook(layer, adapted, **options)


class LayerOutput(tuple[Any]):
    """What a layer put out: a tuple with one tensor, which does what that does besides."""

    __slots__ = ()

    @property
    def tensor(self) -> Any:
        """The tensor itself."""
        return tuple.__getitem__(self, 0)

    @classmethod
    def __torch_function__(cls, function: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Have torch's functions take it."""
        plain = {name: _plain(value) for name, value in (kwargs or {}).items()}
        return function(*map(_plain, args), **plain)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tensor, name)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice) or (isinstance(index, int) and index in (0, -1)):
            return tuple.__getitem__(self, index)
        return self.tensor[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        if not (isinstance(index, int) and index in (0, -1)):
            self.tensor[index] = value
        elif value is not self.tensor:
            self.tensor[...] = value

    def __add__(self, other: Any) -> Any:
        return tuple.__add__(self, other) if isinstance(other, tuple) else self.tensor + other

    def __radd__(self, other: Any) -> Any:
        return other + self.tensor

    def __sub__(self, other: Any) -> Any:
        return self.tensor - _plain(other)

    def __rsub__(self, other: Any) -> Any:
        return other - self.tensor

    def __mul__(self, other: Any) -> Any:
        return self.tensor * _plain(other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return self.tensor / _plain(other)

    def __matmul__(self, other: Any) -> Any:
        return self.tensor @ _plain(other)

    def __neg__(self) -> Any:
        return -self.tensor


def _plain(value: Any) -> Any:
    if isinstance(value, LayerOutput):
        return value.tensor
    return type(value)(map(_plain, value)) if type(value) in (list, tuple) else value
