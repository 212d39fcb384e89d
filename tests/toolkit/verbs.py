"""Every verb of the ready-made interfaces that runs the model, with arguments that it takes."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

import torch

from seer_interfaces import activations, causal, conversation, diff, model, probes, sae
from seer_rpc.interface import TensorRef

MODULES: tuple[ModuleType, ...] = (activations, causal, conversation, diff, model, probes, sae)

Call = Callable[..., Any]
"""Calls a verb by its name: here, by a generated library, or as a model does."""

_PAIR = {"clean": "When Mary", "corrupt": "When John", "answer": "y", "wrong": "n"}
_KINDS = {"positive": ["aa", "ba", "ca", "da"], "negative": ["az", "bz", "cz", "dz"]}
_SENT = {"message": "hi", "max_new_tokens": 3}


def _begun(call: Call) -> Any:
    conversation = call("start", system="S")
    call("send", conversation=conversation, **_SENT)
    return conversation


VERBS: Mapping[str, Callable[[Call], dict[str, Any]]] = {
    "extract": lambda _: {"inputs": ["ab", "abc"]},
    "extract_dataset": lambda _: {"texts": ["ab", "abc"], "keep": False},
    "mean": lambda _: {"inputs": ["ab", "abc"]},
    "mean_difference": lambda _: {"positive": ["good", "great"], "negative": ["bad", "ill"]},
    "attention": lambda _: {"inputs": "abc"},
    "logit_lens": lambda _: {"prompt": "abc", "top_k": 2},
    "patch_grid": lambda _: _PAIR,
    "attribution_grid": lambda _: _PAIR,
    "direct_logit_attribution": lambda _: {"prompt": "abc", "answer": "y"},
    "token_attribution": lambda _: {"prompt": "abc", "target": "y", "steps": 4},
    "find_heads": lambda _: {"length": 4, "repeats": 1},
    "send": lambda call: {"conversation": call("start", system="S"), **_SENT},
    "answer_again": lambda call: {"conversation": _begun(call), "max_new_tokens": 3},
    "compare": lambda _: {"inputs": "abc", "first": "base", "second": "base", "max_new_tokens": 2},
    "activation_diff": lambda _: {"inputs": "abc", "first": "base", "second": "base"},
    "generate": lambda _: {"inputs": "hello", "max_new_tokens": 5},
    "stream": lambda _: {"prompt": "hello", "max_new_tokens": 5},
    "chat": lambda _: {"message": "hi", "max_new_tokens": 5},
    "logprobs": lambda _: {"inputs": ["ab", "abc"], "top_k": 3},
    "loss": lambda _: {"texts": ["ab", "abc"]},
    "train_probes": lambda _: {**_KINDS, "layers": 2},
    "probe_scores": lambda call: {
        "probe": call("train_probes", **_KINDS, layers=2)[0],
        "inputs": "xa",
    },
    "sae_features": lambda _: {"inputs": "abc", "top_k": 4},
    "sae_report": lambda _: {"texts": ["ab", "abc"]},
}
BY_VARIANT = ("compare", "activation_diff")
"""These take two variants in the place of an adapter."""


def exposed() -> dict[str, Callable[..., Any]]:
    """Give all that these interfaces serve, by name."""
    return {
        name: each
        for module in MODULES
        for name, each in vars(module).items()
        if inspect.isroutine(each) and each.__module__ == module.__name__ and name[0] != "_"
    }


def plain(value: Any) -> Any:
    """Give what a verb gave as lists, dicts and numbers."""
    if isinstance(value, TensorRef):
        return plain(value.value)
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if dataclasses.is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, list | tuple | Iterator):
        return [plain(each) for each in value]
    return value
