"""Activations of many prompts: through a sandbox, and by plain transformers in this process."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.effort import Effort
from benchmarks.measurements.measured import Measured
from benchmarks.measurements.packaged_model import served
from benchmarks.measurements.timing import seconds_of
from seer_rpc.cli.ready_made import interface_path

_LAYERS = [9, 19, 29]
_TOGETHER = 16
_WORDS = (
    *("the", "old", "keeper", "of", "a", "lighthouse", "watched", "how", "ships"),
    *("went", "by", "in", "fog", "and", "rain", "at", "night"),
)


def measure(_: str, effort: Effort) -> Measured:
    """Give the seconds through the sandbox, and those of the same in this process, in turns."""
    prompts = _prompts(effort.prompts)
    with served(Path(interface_path("activations"))) as (session, model):
        options = {"batch_size": _TOGETHER, "keep": False}
        plain = _plain(model)

        def extract_there() -> Any:
            return session.call("extract_dataset", [prompts, _LAYERS], options)

        def extract_here() -> Any:
            return plain(prompts)

        there, here = extract_there(), extract_here()
        # The last layer's state has gone through the final norm there.
        if abs(there[:2] - here[:2]).max() > 1e-2:
            raise AssertionError("the activations differ")
        pairs = [
            (seconds_of(extract_there), seconds_of(extract_here))
            for _ in range(max(1, effort.repeats // 3))
        ]
    there, here = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(there / here for there, here in pairs)
    return Measured({"through the sandbox": there, "in process": here, "ratio": ratio})


def _prompts(count: int) -> list[str]:
    chosen = random.Random(0)
    return [" ".join(chosen.choices(_WORDS, k=chosen.randint(5, 20))) for _ in range(count)]


def _plain(model: str) -> Callable[[list[str]], Any]:
    """Load the model with transformers; gives what extracts with it, as one would write it."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
    # Without logits, which nobody asks for.
    decoder = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).base_model

    def batch(texts: list[str]) -> Any:
        inputs = tokenizer(texts, return_tensors="pt", padding=True)
        states = decoder(**inputs, output_hidden_states=True, use_cache=False).hidden_states
        return torch.stack([states[layer + 1][:, -1] for layer in _LAYERS])

    def extract(texts: list[str]) -> Any:
        starts = range(0, len(texts), _TOGETHER)
        with torch.no_grad():
            parts = [batch(texts[start : start + _TOGETHER]) for start in starts]
        return torch.cat(parts, dim=1)

    return extract
