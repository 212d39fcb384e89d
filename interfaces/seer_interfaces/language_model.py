"""Ask a language model, and look inside it.

Serves the one model that its sandbox is configured with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from seer_rpc.interface import expose, list_configured_models

paths = list(list_configured_models().values())
if len(paths) != 1:
    raise ValueError(f"this interface serves one model; the sandbox has {len(paths)}")
(path,) = paths
device = "cuda" if torch.cuda.is_available() else "cpu"
dtype = torch.bfloat16 if device == "cuda" else torch.float32
tokenizer: Any = AutoTokenizer.from_pretrained(path)
model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=dtype).to(device).eval()


@dataclass
class TokenProbability:
    """A token that may come next."""

    token: str
    probability: float


@expose
@torch.inference_mode()
def chat(message: str, max_new_tokens: int = 64) -> str:
    """Answer a chat message, always in the same way.

    Args:
        message: What the user says.
        max_new_tokens: Where the answer is cut off.

    Returns:
        The model's answer.
    """
    inputs = tokenizer.apply_chat_template(
        [{"role": "user", "content": message}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    ).to(device)
    output = model.generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False)
    answer = output[0, inputs["input_ids"].shape[1] :]
    return str(tokenizer.decode(answer, skip_special_tokens=True)).strip()


@expose
@torch.inference_mode()
def next_tokens(prompt: str, top_k: int = 5) -> list[TokenProbability]:
    """Give the most probable next tokens.

    Args:
        prompt: The text so far.
        top_k: How many tokens to give.

    Returns:
        The tokens, the most probable first.
    """
    inputs = tokenizer(prompt, return_tensors="pt").to(device)
    probabilities = model(**inputs).logits[0, -1].float().softmax(dim=-1)
    best = probabilities.topk(top_k)
    return [
        TokenProbability(tokenizer.decode([token]), probability)
        for token, probability in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]


@expose
@torch.inference_mode()
def activation(text: str, layer: int) -> np.ndarray[Any, Any]:
    """Give the residual stream behind a layer.

    Args:
        text: What the model reads.
        layer: Which layer, from 0; negative ones count from the last.

    Returns:
        An array of shape [positions, hidden size], in float32.
    """
    kept: list[torch.Tensor] = []

    def keep(_: object, __: object, output: Any) -> None:
        # Layers gave tuples before transformers 5, tensors since.
        kept.append(output[0] if isinstance(output, tuple) else output)

    handle = model.model.layers[layer].register_forward_hook(keep)
    try:
        model(**tokenizer(text, return_tensors="pt").to(device))
    finally:
        handle.remove()
    values: np.ndarray[Any, Any] = kept[0][0].float().cpu().numpy()
    return values
