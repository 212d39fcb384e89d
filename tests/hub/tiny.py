"""A language model that is small enough to be made by a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


def make_tiny_model(folder: Path) -> Callable[[list[int]], int]:
    """Make one of random weights; gives what it says next."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    model = transformers.LlamaForCausalLM(config).eval()
    model.save_pretrained(folder)

    def say(tokens: list[int]) -> int:
        with torch.no_grad():
            return int(model(torch.tensor([tokens])).logits[0, -1].argmax())

    return say


def files_of(folder: Path) -> dict[str, bytes]:
    """Give the files of a folder by their paths in it."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}
