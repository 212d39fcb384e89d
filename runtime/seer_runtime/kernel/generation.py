"""Have a model go on with texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from seer_runtime.kernel.layers import inputs_for


def generate_response(
    model: Any, tokenizer: Any, prompt: str, max_tokens: int = 256, temperature: float = 0.7
) -> str:
    """Give what a model says after a prompt, without the prompt.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        prompt: The text so far.
        max_tokens: Where the answer is cut off.
        temperature: 0 for always the most probable token.
    """
    (answer,) = batch_generate(model, tokenizer, [prompt], max_tokens, temperature)
    return str(answer)


def batch_generate(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[str],
    max_tokens: int = 256,
    temperature: float = 0.7,
) -> list[str]:
    """Give what a model says after each prompt, without the prompt.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        prompts: The texts so far.
        max_tokens: Where an answer is cut off.
        temperature: 0 for always the most probable token.
    """
    import torch

    sampling = {"do_sample": True, "temperature": temperature} if temperature > 0 else {}
    with _left_padding(tokenizer), torch.no_grad():
        inputs = inputs_for(model, tokenizer, list(prompts), padding=len(prompts) > 1)
        outputs = model.generate(
            **inputs,
            max_new_tokens=max_tokens,
            pad_token_id=tokenizer.pad_token_id,
            **(sampling or {"do_sample": False}),
        )
    # Tokens, not characters: a prompt is not always decoded to what it was.
    new = outputs[:, inputs["input_ids"].shape[1] :]
    return [str(each) for each in tokenizer.batch_decode(new, skip_special_tokens=True)]


@contextmanager
def _left_padding(tokenizer: Any) -> Iterator[None]:
    """Have prompts end where answers begin."""
    side, token = tokenizer.padding_side, tokenizer.pad_token
    tokenizer.padding_side = "left"
    tokenizer.pad_token = token or tokenizer.eos_token
    try:
        yield
    finally:
        tokenizer.padding_side, tokenizer.pad_token = side, token
