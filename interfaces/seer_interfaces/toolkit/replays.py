"""Passes over the same input that differ from one layer on: what comes before it runs once.

What is put in a layer's place is its own output, as the model's family has it, before any hook:
interventions behind a layer see and change what they always do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn

from seer_interfaces.toolkit.outputs import hidden_of, with_hidden


@contextmanager
def recorded(layers: Sequence[nn.Module]) -> Iterator[list[Any]]:
    """Note what layers give in a pass, one after the other."""
    outputs: list[Any] = []

    def note(_: object, __: object, output: Any) -> None:
        outputs.append(output)

    with ExitStack() as stack:
        for layer in layers:
            stack.callback(layer.register_forward_hook(note).remove)
        yield outputs


@contextmanager
def replayed(layers: Sequence[nn.Module], outputs: Sequence[Any], rows: int) -> Iterator[None]:
    """Have layers give what they gave for one row, for each of several, and compute nothing."""
    with ExitStack() as stack:
        for layer, output in zip(layers, outputs, strict=True):
            hidden = hidden_of(output).expand(rows, -1, -1)
            stack.enter_context(_replaced(layer, with_hidden(output, hidden)))
        yield


@contextmanager
def _replaced(layer: nn.Module, output: Any) -> Iterator[None]:
    # Where a model is spread over devices, its layers have a forward of their own already.
    before: Callable[..., Any] | None = vars(layer).get("forward")
    layer.forward = lambda *_, **__: output
    try:
        yield
    finally:
        if before is None:
            del layer.forward
        else:
            layer.forward = before
