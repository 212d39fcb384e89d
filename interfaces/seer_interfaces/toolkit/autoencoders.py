"""Sparse autoencoders in the file layout of SAELens: `cfg.json` and `sae_weights.safetensors`.

features f = act((x - b_dec) W_enc + b_enc), reconstruction f W_dec + b_dec; W_enc is [d_in, d_sae]
and W_dec [d_sae, d_in]. `act` is ReLU ("standard"), ReLU above a threshold of each feature
("jumprelu"), or ReLU of the k largest ("topk"). Whether b_dec is taken away first, the
configuration says.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from seer_interfaces.toolkit.sites import Site

WEIGHTS = "sae_weights.safetensors"
_SITES: dict[str, Site] = {
    "hook_resid_pre": "resid_pre",
    "hook_resid_mid": "resid_mid",
    "hook_resid_post": "resid_post",
    "hook_attn_out": "attn_out",
    "hook_mlp_out": "mlp_out",
    "attn.hook_z": "z",
}
_KINDS = ("standard", "jumprelu", "topk")


@dataclass(frozen=True)
class Autoencoder:
    """A sparse autoencoder of a site of a layer."""

    kind: str
    site: Site
    layer: int
    encoder: torch.Tensor
    decoder: torch.Tensor
    encoder_bias: torch.Tensor
    decoder_bias: torch.Tensor
    subtracts_bias: bool
    threshold: torch.Tensor | None = None
    k: int = 0

    @property
    def features(self) -> int:
        """How many features it has."""
        return self.decoder.shape[0]

    def encode(self, values: torch.Tensor) -> torch.Tensor:
        """Give the features of [..., d_in], [..., feature] in float32."""
        values = values.float()
        if self.subtracts_bias:
            values = values - self.decoder_bias
        before = values @ self.encoder + self.encoder_bias
        if self.threshold is not None:
            return before.relu() * (before > self.threshold)
        if self.kind == "topk":
            best = before.topk(self.k, dim=-1)
            return torch.zeros_like(before).scatter(-1, best.indices, best.values.relu())
        return before.relu()

    def decode(self, features: torch.Tensor) -> torch.Tensor:
        """Give what [..., feature] stand for, [..., d_in]."""
        return features @ self.decoder + self.decoder_bias


def load_autoencoder(folder: str, device: torch.device) -> Autoencoder:
    """Load an autoencoder from its folder.

    Raises:
        ValueError: there is none, or none of a kind that is known.
    """
    place = Path(folder)
    if not (place / "cfg.json").exists() or not (place / WEIGHTS).exists():
        raise ValueError(f"a folder of SAELens has cfg.json and {WEIGHTS}; this one has not")
    config: dict[str, Any] = json.loads((place / "cfg.json").read_text())
    weights = {name: value.float().to(device) for name, value in load_file(place / WEIGHTS).items()}
    kind = str(config.get("architecture", "standard"))
    # Earlier releases wrote it so.
    k = int(config.get("k") or (config.get("activation_fn_kwargs") or {}).get("k") or 0)
    kind = "topk" if k else kind
    if kind not in _KINDS or config.get("normalize_activations") not in (None, "none"):
        raise ValueError(
            f"an autoencoder of architecture {kind!r} with normalize_activations="
            f"{config.get('normalize_activations')!r} is not known; {', '.join(_KINDS)} are"
        )
    site, layer = _hooked(config)
    return Autoencoder(
        kind,
        site,
        layer,
        weights["W_enc"],
        weights["W_dec"],
        weights["b_enc"],
        weights["b_dec"],
        bool(config.get("apply_b_dec_to_input", True)),
        weights.get("threshold"),
        k,
    )


def _hooked(config: dict[str, Any]) -> tuple[Site, int]:
    """Read where it belongs: "blocks.5.hook_resid_post"."""
    name = str(config.get("hook_name") or (config.get("metadata") or {}).get("hook_name"))
    match = re.fullmatch(r"blocks\.(\d+)\.(.+)", name)
    if match is None or match[2] not in _SITES:
        raise ValueError(f"it belongs to {name!r}; known are {', '.join(_SITES)} of a block")
    return _SITES[match[2]], int(match[1])
