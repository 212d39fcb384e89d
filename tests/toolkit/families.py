"""Tiny random models of each family, and a tokenizer that gives a token for each byte."""

from __future__ import annotations

from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

FAMILIES = ("llama", "qwen2", "qwen3", "mistral", "gemma2", "olmo2", "gpt2", "gpt_neox")
LAYERS, WIDTH, HEADS = 3, 32, 4

_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "[{{ message['role'][0] }}]{{ message['content'] }}{% if not loop.last %}~{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}~[a]{% endif %}"
)

_COMMON = {
    "vocab_size": 260,
    "hidden_size": WIDTH,
    "intermediate_size": 48,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "max_position_embeddings": 128,
    "initializer_range": 0.2,
}
_SPECIAL: dict[str, dict[str, Any]] = {
    "llama": {"num_key_value_heads": 2},
    "qwen2": {"num_key_value_heads": 2},
    # A head's width need not be the model's divided by the number of heads.
    "qwen3": {"num_key_value_heads": 1, "head_dim": 16},
    "gemma2": {
        "num_key_value_heads": 2,
        "head_dim": 16,
        "query_pre_attn_scalar": 16,
        "sliding_window": 4,
        # Low enough to matter for a tiny model.
        "attn_logit_softcapping": 2.0,
        "final_logit_softcapping": 2.0,
    },
    "mistral": {"num_key_value_heads": 2, "sliding_window": 4},
    "olmo2": {"num_key_value_heads": 2},
    "gpt2": {"n_embd": WIDTH, "n_layer": LAYERS, "n_head": HEADS, "n_positions": 128},
    "gpt_neox": {"use_parallel_residual": True},
}


def tiny(family: str, **options: Any) -> Any:
    """Make a random model, the same each time; its norms and biases are random, too."""
    torch.manual_seed(0)
    settings = {**_COMMON, **_SPECIAL.get(family, {}), **options}
    ends = {"bos_token_id": 256, "eos_token_id": 257, "pad_token_id": 258}
    config = AutoConfig.for_model(family, **settings, **ends)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for each in model.parameters():
            if each.ndim == 1:
                each.add_(0.2 * torch.randn_like(each))
    return model.eval()


def byte_tokenizer() -> Any:
    """Make a tokenizer that begins texts with a token of its own, as many do."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate(letters)}
    vocabulary |= {"<s>": 256, "</s>": 257, "<pad>": 258, "<unk>": 259}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 256)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    fast.chat_template = _TEMPLATE
    return fast
