"""Features of sparse autoencoders: which are active, what they write, how good they are.

Serves the one model that its sandbox is configured with, and autoencoders in the layout of SAELens.
Those are folders in the sandbox: configured beside the model (`ModelConfig(name="./my-sae")`), or
uploaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from seer_interfaces import toolkit
from seer_interfaces.toolkit import Batch, Inputs, Intervention, Site, Subject, Visitor, Where
from seer_interfaces.toolkit.autoencoders import WEIGHTS, Autoencoder, load_autoencoder
from seer_interfaces.toolkit.patterns import Visit
from seer_rpc.interface import TensorRef, expose, list_configured_models

toolkit.prepare()


@dataclass
class SaeInfo:
    """An autoencoder, and where it belongs.

    Attributes:
        kind: "standard", "jumprelu" or "topk".
    """

    kind: str
    layer: int
    site: Site
    d_in: int
    features: int


@dataclass
class FeatureHit:
    """A feature that is active at a token.

    Attributes:
        input: Which of the inputs, from 0.
        position: Which of its tokens, from 0.
    """

    feature: int
    activation: float
    input: int
    position: int
    token: str


@dataclass
class SaeReport:
    """How much of a model an autoencoder keeps.

    Attributes:
        l0: How many features are active at a token, on average.
        fvu: The part of the variance that its reconstruction lacks: 0 is all kept.
        loss: The model's own loss, in nats per token.
        loss_reconstructed: Its loss with the reconstruction in place of what was there.
        loss_zeroed: With zeros there.
        recovered: (loss_zeroed - loss_reconstructed) / (loss_zeroed - loss): 1 is all kept.
    """

    l0: float
    fvu: float
    loss: float
    loss_reconstructed: float
    loss_zeroed: float
    recovered: float


@expose(read_only=True)
def sae_info(sae: str | None = None) -> SaeInfo:
    """Tell of an autoencoder.

    Args:
        sae: Its configured name or its folder in the sandbox; not needed where one is configured.
    """
    found = _load(sae)
    d_in = found.encoder.shape[0]
    return SaeInfo(found.kind, found.layer, found.site, d_in, found.features)


@expose(read_only=True)
@torch.no_grad()
def sae_features(
    inputs: Inputs,
    sae: str | None = None,
    top_k: int = 20,
    positions: Where = "all",
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
) -> list[FeatureHit]:
    """Give the features that are most active, the most active first.

    Args:
        inputs: Texts, or chats; they run as one batch.
        sae: Its configured name or its folder in the sandbox; not needed where one is configured.
        top_k: How many to give.
        positions: At which tokens.
        interventions: Changes to the model while it reads.
        adapter: Another adapter than the one in use ("default" and so on); "base" is none.
    """
    found = _load(sae)
    with toolkit.subject().using(adapter) as subject:
        batch = subject.encode(inputs)
        values, chosen = toolkit.extract_places(
            subject, batch, found.layer, found.site, positions, interventions
        )
    columns, _ = toolkit.columns(positions, batch)
    features = found.encode(_flat(found, values[0])) * chosen[..., None]
    best = features.flatten().topk(min(top_k, features.numel()))
    hits = []
    for activation, index in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        row, place, feature = (
            int(each) for each in torch.unravel_index(torch.tensor(index), features.shape)
        )
        position = int(batch.positions[row, columns[row, place]])
        token = subject.words([batch.row(row)[position]])[0]
        if activation > 0:
            hits.append(FeatureHit(feature, activation, row, position, token))
    return hits


@expose(read_only=True)
def feature_direction(feature: int, sae: str | None = None) -> TensorRef:
    """Give what a feature writes, its row of W_dec: a value for "add" or "ablate_direction".

    Args:
        feature: From 0.
        sae: Its configured name or its folder in the sandbox; not needed where one is configured.

    Returns:
        [d_in] in float32 ([head, d_head] at z), which stays in the sandbox.
    """
    subject, found = toolkit.subject(), _load(sae)
    if not 0 <= feature < found.features:
        raise ValueError(f"there is no feature {feature}: they are 0 to {found.features - 1}")
    row = found.decoder[feature].clone()
    is_heads = found.site in toolkit.HEAD_SITES
    return TensorRef(row.reshape(subject.architecture.n_heads, -1) if is_heads else row)


@expose(read_only=True)
@torch.no_grad()
def sae_report(
    texts: list[str],
    sae: str | None = None,
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
) -> SaeReport:
    """Say how much of the model an autoencoder keeps.

    Args:
        texts: They run as one batch.
        sae: Its configured name or its folder in the sandbox; not needed where one is configured.
        interventions: Changes to the model while it reads; the autoencoder comes after them.
        adapter: Another adapter than the one in use ("default" and so on); "base" is none.
    """
    with toolkit.subject().using(adapter) as subject:
        return _report(subject, _load(sae), subject.encode(texts), interventions)


def _load(sae: str | None) -> Autoencoder:
    """Load an autoencoder once.

    Raises:
        ValueError: it is not there, or several are configured and none is named.
    """
    configured = {
        name: path
        for name, path in list_configured_models().items()
        if Path(path, WEIGHTS).exists()
    }
    if sae is None and len(configured) != 1:
        raise ValueError(f"{len(configured)} autoencoders are configured: say which sae")
    folder = next(iter(configured.values())) if sae is None else configured.get(sae, sae)
    return _loaded(folder, toolkit.subject().device)


_loaded = cache(load_autoencoder)


def _flat(found: Autoencoder, values: torch.Tensor) -> torch.Tensor:
    """Give values as the autoencoder reads them: the heads of z side by side.

    Raises:
        ValueError: it is of another model.
    """
    flat = values.flatten(-2) if found.site in toolkit.HEAD_SITES else values
    if flat.shape[-1] != found.encoder.shape[0]:
        raise ValueError(
            f"this autoencoder reads {found.encoder.shape[0]} numbers, and {found.site} of this "
            f"model has {flat.shape[-1]}: it is of another model"
        )
    return flat


def _report(
    subject: Subject, found: Autoencoder, batch: Batch, interventions: Sequence[Intervention]
) -> SaeReport:
    place = found.layer, found.site
    values, chosen = toolkit.extract_places(subject, batch, *place, "all", interventions)
    flat = _flat(found, values[0])[chosen]
    features = found.encode(flat)
    missing = (flat - found.decode(features)).square().sum()
    variance = (flat - flat.mean(dim=0)).square().sum()

    def rebuilt(whole: torch.Tensor) -> torch.Tensor:
        flat = _flat(found, whole)
        return found.decode(found.encode(flat)).reshape(whole.shape).to(whole.dtype)

    def loss_with(*visits: Visit) -> float:
        visitors = [Visitor(found.site, found.layer, visit) for visit in visits]
        taken = toolkit.token_logprobs(subject, batch, interventions, visitors)
        # Each token counts the same.
        return float(-taken[batch.mask[:, :-1]].mean())

    loss, with_it, without = loss_with(), loss_with(rebuilt), loss_with(torch.zeros_like)
    return SaeReport(
        float((features > 0).sum(dim=-1).double().mean()),
        float(missing / variance),
        loss,
        with_it,
        without,
        (without - with_it) / (without - loss),
    )
