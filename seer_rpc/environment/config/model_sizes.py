"""How large a model is, as far as that is known before it is fetched."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BYTES = {"float64": 8.0, "float32": 4.0, "float16": 2.0, "bfloat16": 2.0, "float8_e4m3fn": 1.0}
_USUAL = "bfloat16"
_NAMED = re.compile(r"(?<![a-z0-9.])(?:(?P<experts>\d+)x)?(?P<billions>\d+(?:\.\d+)?)b(?![a-z0-9])")


@dataclass(frozen=True)
class ModelSize:
    """What a model weighs."""

    parameters: float
    bits: float
    """Of each parameter."""

    source: str
    """Where that is known from."""

    @property
    def gigabytes(self) -> float:
        """Give the size of its weights."""
        return self.parameters * self.bits / 8 / 1e9


def model_size(name: str) -> ModelSize | None:
    """Estimate a model's size: from its config here or in the hub's cache, else from its name.

    None where nothing tells.
    """
    folder = _folder(name)
    config = _read(folder / "config.json") if folder is not None else {}
    bits = _bits(config)
    if folder is not None and (stored := _stored_bytes(folder)):
        return ModelSize(stored * 8 / bits, bits, "its weights")
    if parameters := count_parameters(config):
        return ModelSize(parameters, bits, "its config.json")
    if match := _NAMED.search(name.lower().partition("@")[0]):
        billions = float(match["billions"]) * int(match["experts"] or 1)
        return ModelSize(billions * 1e9, bits, "its name")
    return None


def count_parameters(config: Mapping[str, Any]) -> float:
    """Estimate the parameters of a decoder from its config.json; 0 where it does not tell."""
    config = config.get("text_config") or config
    try:
        width, layers = int(config["hidden_size"]), int(config["num_hidden_layers"])
        vocabulary = int(config["vocab_size"])
        heads = int(config["num_attention_heads"])
        shared = int(config.get("num_key_value_heads") or heads)
        head = int(config.get("head_dim") or width // heads)
        inner = int(config.get("intermediate_size") or 4 * width)
        experts = int(config.get("num_local_experts") or config.get("num_experts") or 1)
        expert = int(config.get("moe_intermediate_size") or inner) if experts > 1 else inner
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return 0
    attention = 2 * width * head * (heads + shared)
    # Two matrices in older models; three, one of them a gate, in those since.
    matrices = 3 if config.get("hidden_act", config.get("hidden_activation")) != "gelu" else 2
    embeddings = vocabulary * width * (1 if config.get("tie_word_embeddings") else 2)
    return float(layers * (attention + matrices * width * expert * experts) + embeddings)


def _bits(config: Mapping[str, Any]) -> float:
    quantized = config.get("quantization_config")
    if isinstance(quantized, dict):
        if quantized.get("load_in_4bit"):
            return 4
        if quantized.get("load_in_8bit") or quantized.get("quant_method") == "fp8":
            return 8
        if isinstance(quantized.get("bits"), int):
            return float(quantized["bits"])
    named = config.get("dtype") or config.get("torch_dtype")
    return 8 * _BYTES.get(str(named), _BYTES[_USUAL])


def _stored_bytes(folder: Path) -> int:
    index = _read(folder / "model.safetensors.index.json").get("metadata")
    if isinstance(index, dict) and isinstance(index.get("total_size"), int | float):
        return int(index["total_size"])
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def _folder(name: str) -> Path | None:
    """Find a model that is here: a directory, or what the hub's library has fetched."""
    local = Path(name).expanduser()
    if local.is_dir():
        return local
    repo, _, revision = name.partition("@")
    cached = _hub_cache() / f"models--{repo.replace('/', '--')}"
    reference = cached / "refs" / (revision or "main")
    try:
        commit = reference.read_text().strip() if reference.is_file() else revision
    except (OSError, ValueError):
        return None
    folder = cached / "snapshots" / commit
    return folder if commit and folder.is_dir() else None


def _hub_cache() -> Path:
    if chosen := os.environ.get("HF_HUB_CACHE"):
        return Path(chosen).expanduser()
    home = os.environ.get("HF_HOME")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home or Path(base, "huggingface")).expanduser() / "hub"


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
