"""A grid of patches by nnsight, in this process: the patches of a layer as one batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nnsight
import torch
from nnsight import TransformersModel
from transformers import AutoModelForCausalLM, AutoTokenizer


def make_grid(
    folder: Path, prompts: tuple[str, str], answers: tuple[str, str], layers: list[int]
) -> Callable[[], list[float]]:
    """Load a model; gives what computes the differences of logits, layer by layer."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = TransformersModel(loaded, tokenizer=tokenizer)
    clean, corrupt = (tokenizer(each, return_tensors="pt").input_ids for each in prompts)
    answer, wrong = (tokenizer(each).input_ids[0] for each in answers)

    def grid() -> list[float]:
        blocks = model.model.layers
        with torch.no_grad(), model.trace(clean):
            kept = nnsight.save([blocks[layer].output for layer in layers])
        differences = []
        for row, layer in enumerate(layers):
            with torch.no_grad(), model.trace() as tracer:
                found: Any = nnsight.save([])
                for position in range(corrupt.shape[1]):
                    with tracer.invoke(corrupt):
                        blocks[layer].output[:, position] = kept[row][:, position]
                        logits = model.output.logits[0, -1]
                        found.append(logits[answer] - logits[wrong])
            differences += [float(each) for each in found]
        return differences

    return grid
