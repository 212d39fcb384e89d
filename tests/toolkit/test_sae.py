"""Sparse autoencoders in SAELens' layout, written here by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from seer_interfaces import model, sae
from seer_interfaces.toolkit import Intervention, Subject
from tests.toolkit.families import WIDTH
from tests.toolkit.test_sites import TEXT, TEXTS, extracted


def written(folder: Path, weights: dict[str, torch.Tensor] | None = None, **config: Any) -> str:
    """Write an autoencoder that keeps everything: each number and its opposite are features."""
    folder.mkdir()
    same = torch.eye(WIDTH)
    bias = torch.linspace(-1, 1, WIDTH)
    default = {
        "W_enc": torch.cat([same, -same], dim=1),
        "W_dec": torch.cat([same, -same]),
        "b_enc": torch.zeros(2 * WIDTH),
        "b_dec": bias,
    }
    tensors = {name: value.contiguous() for name, value in {**default, **(weights or {})}.items()}
    save_file(tensors, folder / "sae_weights.safetensors")
    told = {"architecture": "standard", "hook_name": "blocks.1.hook_resid_post", **config}
    (folder / "cfg.json").write_text(json.dumps(told))
    return str(folder)


def test_one_that_keeps_everything_says_so(subject: Subject, tmp_path: Path) -> None:
    found = written(tmp_path / "sae")
    told = sae.sae_info(found)
    assert (told.layer, told.site, told.d_in, told.features) == (1, "resid_post", WIDTH, 2 * WIDTH)

    report = sae.sae_report(TEXTS, found)

    assert report.l0 == WIDTH
    assert report.fvu == pytest.approx(0, abs=1e-6)
    lengths = [len(subject.tokenizer(text).input_ids) - 1 for text in TEXTS]
    pairs = zip(model.loss(TEXTS), lengths, strict=True)
    expected = sum(loss * length for loss, length in pairs) / sum(lengths)
    assert report.loss == pytest.approx(expected, abs=1e-5)
    assert report.loss_reconstructed == pytest.approx(report.loss, abs=1e-5)
    assert report.recovered == pytest.approx(1, abs=1e-4)
    zeroed = model.loss([TEXT], [Intervention("zero", 1)])[0]
    assert sae.sae_report([TEXT], found).loss_zeroed == pytest.approx(zeroed, abs=1e-5)


@pytest.mark.parametrize("kind", ["standard", "jumprelu", "topk"])
@pytest.mark.parametrize("subtracts", [True, False])
def test_features_are_those_of_the_formula(
    subject: Subject, tmp_path: Path, kind: str, subtracts: bool
) -> None:
    torch.manual_seed(0)
    weights = {
        "W_enc": torch.randn(WIDTH, 20),
        "W_dec": torch.randn(20, WIDTH),
        "b_enc": torch.randn(20),
        "b_dec": torch.randn(WIDTH),
    }
    if kind == "jumprelu":
        weights["threshold"] = torch.full((20,), 3.0)
    more: dict[str, Any] = {"k": 4} if kind == "topk" else {}
    found = written(
        tmp_path / "sae", weights, architecture=kind, apply_b_dec_to_input=subtracts, **more
    )
    values = extracted(TEXTS, 1, positions="all")[0]
    expected = (values - weights["b_dec"] * subtracts) @ weights["W_enc"] + weights["b_enc"]
    expected = expected.relu()
    if kind == "jumprelu":
        expected[expected <= 3.0] = 0
    if kind == "topk":
        expected[expected < expected.topk(4, dim=-1).values[..., -1:]] = 0
    lengths = [len(subject.tokenizer(text).input_ids) for text in TEXTS]
    for row, length in enumerate(lengths):
        expected[row, : values.shape[1] - length] = 0

    hits = sae.sae_features(TEXTS, found, top_k=30)

    best = expected.flatten().topk(30).values
    torch.testing.assert_close(
        torch.tensor([each.activation for each in hits]), best, atol=1e-4, rtol=1e-4
    )
    for each in hits:
        column = values.shape[1] - lengths[each.input] + each.position
        there = float(expected[each.input, column, each.feature])
        assert there == pytest.approx(each.activation, abs=1e-4)
        ids = subject.tokenizer(TEXTS[each.input]).input_ids
        assert each.token == subject.words([ids[each.position]])[0]


def test_a_feature_is_a_direction_that_can_be_added(subject: Subject, tmp_path: Path) -> None:
    found = written(tmp_path / "sae")
    direction = sae.feature_direction(WIDTH + 3, found).value
    assert direction.tolist() == [-1.0 if place == 3 else 0.0 for place in range(WIDTH)]

    steering = Intervention("add", 1, value=direction, strength=50.0)

    (hit,) = sae.sae_features(TEXT, found, 1, positions="last", interventions=[steering])
    assert hit.feature == WIDTH + 3


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"architecture": "gated"}, "architecture 'gated'"),
        ({"normalize_activations": "layer_norm"}, "layer_norm"),
        ({"hook_name": "blocks.1.hook_odd"}, "it belongs to 'blocks.1.hook_odd'"),
        ({"hook_name": "blocks.1.attn.hook_z", "W_enc": torch.zeros(5, 7)}, "of another model"),
    ],
)
def test_what_is_not_known_is_refused(
    subject: Subject, tmp_path: Path, config: dict[str, Any], message: str
) -> None:
    weights = {name: config.pop(name) for name in ("W_enc",) if name in config}
    folder = written(tmp_path / "sae", weights, **config)
    with pytest.raises(ValueError, match=message):
        sae.sae_features(TEXT, folder)


def test_one_has_to_be_named(subject: Subject, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="0 autoencoders are configured"):
        sae.sae_info()
    with pytest.raises(ValueError, match=r"has cfg.json and sae_weights.safetensors"):
        sae.sae_info(str(tmp_path))
    with pytest.raises(ValueError, match="there is no feature 64"):
        sae.feature_direction(64, written(tmp_path / "sae"))
