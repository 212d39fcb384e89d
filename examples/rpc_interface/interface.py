"""Functions around a language model, with state that persists over calls."""

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from seer_rpc.interface import expose, list_configured_models, progress

(model_path,) = list_configured_models().values()
model = AutoModelForCausalLM.from_pretrained(model_path, device_map="auto")
tokenizer = AutoTokenizer.from_pretrained(model_path)

seen: list[str] = []


@expose
def surprise(texts: list[str]) -> dict[str, float]:
    """Tell how surprising the model finds each text.

    Args:
        texts: What the model reads.

    Returns:
        The mean negative log-likelihood of a token, in nats, by text.
    """
    surprises = {}
    for number, text in enumerate(texts):
        inputs = tokenizer(text, return_tensors="pt").to(model.device)
        with torch.inference_mode():
            surprises[text] = float(model(**inputs, labels=inputs["input_ids"]).loss)
        seen.append(text)
        progress(number + 1, len(texts), text)
    return surprises


@expose
def most_recent(count: int = 1) -> list[str]:
    """Give the texts that were read last, the newest first."""
    return seen[: -count - 1 : -1]
