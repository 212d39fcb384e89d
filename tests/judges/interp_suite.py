"""The toolkit's numbers by nnsight and TransformerLens, run by test_interp.py where these are.

`SEER_JUDGED_MODEL` is the directory of a real model, which is looked at beside tiny ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from transformer_lens import patching
from transformers import AutoModelForCausalLM, AutoTokenizer

from seer_interfaces import activations, causal, toolkit
from seer_interfaces.toolkit import Intervention, Site, Subject, subjects
from tests.judges.interp_peers import PEERS, Bridge, Peer
from tests.toolkit.families import FAMILIES, byte_tokenizer, tiny

SMOLLM2 = "smollm2"
CLOSE = 1e-5


class Case(NamedTuple):
    """A model, and two prompts whose answers differ."""

    subject: Subject
    clean: str
    corrupt: str
    answer: str
    wrong: str
    layers: list[int]

    def ids(self, text: str) -> torch.Tensor:
        ids: torch.Tensor = self.subject.encode(text).ids
        return ids

    def difference(self, logits: torch.Tensor) -> float:
        answer, wrong = (self.subject.token(each) for each in (self.answer, self.wrong))
        return float(logits[0, -1, answer] - logits[0, -1, wrong])

    @property
    def is_parallel(self) -> bool:
        return self.subject.architecture.has_parallel_residual


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One that has a folder, where the bridge looks for it."""
    folder = tmp_path_factory.mktemp("tokenizer")
    byte_tokenizer().save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


@cache
def loaded(name: str, tokenizer: Any) -> Case:
    if name != SMOLLM2:
        subject = Subject(tiny(name), tokenizer)
        layers = list(range(subject.architecture.n_layers))
        return Case(subject, "When Mary", "When John", "y", "n", layers)
    # The peers read eager attention.
    model = AutoModelForCausalLM.from_pretrained(
        os.environ["SEER_JUDGED_MODEL"], dtype=torch.float32, attn_implementation="eager"
    )
    subject = Subject(model, AutoTokenizer.from_pretrained(os.environ["SEER_JUDGED_MODEL"]))
    ending = " went to the shop. Then Mary gave a drink to"
    return Case(
        subject, f"Mary and John{ending}", f"Mary and Anna{ending}", " John", " Anna", [0, 14, 29]
    )


@cache
def asked(peer: str, name: str, tokenizer: Any) -> Peer:
    return PEERS[peer](
        loaded(name, tokenizer).subject.model, loaded(name, tokenizer).subject.tokenizer
    )


@pytest.fixture(params=(*FAMILIES, SMOLLM2))
def case(request: pytest.FixtureRequest, tokenizer: Any) -> Iterator[Case]:
    """A model that the toolkit is about."""
    found = loaded(request.param, tokenizer)
    subjects._subject = found.subject
    yield found
    subjects._subject = None


@pytest.fixture(params=PEERS)
def peer(request: pytest.FixtureRequest, case: Case, tokenizer: Any) -> Peer:
    """A library that has the same model, to itself."""
    family: str = request.node.callspec.params["case"]
    return asked(request.param, family, tokenizer)


@pytest.fixture
def close(request: pytest.FixtureRequest, record_property: Any) -> Any:
    """Compare, and note the largest difference: absolute, or for what is above 1 relative."""
    largest = 0.0

    def compare(found: torch.Tensor, expected: torch.Tensor) -> None:
        nonlocal largest
        assert found.shape == expected.shape
        away = (found - expected).abs() / expected.abs().clamp(min=1)
        largest = max(largest, float(away.max()))
        assert largest <= CLOSE, (largest, float(expected.abs().max()))

    yield compare
    record_property(request.node.name.removeprefix("test_"), f"{largest:.1e}")


def test_logits(case: Case, peer: Peer, close: Any) -> None:
    with torch.no_grad():
        result = toolkit.run(case.subject, case.subject.encode(case.clean))
        found = case.subject.architecture.logits(result.normed)
    close(found, peer.logits(case.ids(case.clean)))


def test_sites(case: Case, peer: Peer, close: Any) -> None:
    for site in peer.sites:
        if site == "resid_mid" and case.is_parallel:
            continue
        expected = peer.site(case.ids(case.clean), site)
        if site == "pattern":
            found = activations.attention(case.clean)
        else:
            found = activations.extract(case.clean, site=site, positions="all")  # type: ignore[arg-type]
        close(found, expected)


def test_patches_of_positions(case: Case, peer: Peer, close: Any) -> None:
    _compare_grid(case, peer, close, "resid_post", "position")


def test_patches_of_heads(case: Case, peer: Peer, close: Any) -> None:
    _compare_grid(case, peer, close, "z", "head")


def in_logits(case: Case, site: Site, by: Any) -> torch.Tensor:
    """Give a grid without its measure: to divide by a small difference makes rounding larger."""
    prompts = (case.clean, case.corrupt, case.answer, case.wrong)
    grid = causal.patch_grid(*prompts, site, by, case.layers)
    return grid.values * (grid.clean - grid.corrupt) + grid.corrupt


def _compare_grid(case: Case, peer: Peer, close: Any, site: Site, by: Any) -> None:
    """Compare each cell of a grid with a run of the peer that has this one patch."""
    found = in_logits(case, site, by)
    clean = peer.site(case.ids(case.clean), site)
    expected = torch.empty_like(found)
    for row, layer in enumerate(case.layers):
        for column in range(expected.shape[1]):

            def patch(value: torch.Tensor) -> torch.Tensor:
                patched = value.clone()
                place = (0, slice(None), column) if by == "head" else (0, column)  # noqa: B023
                patched[place] = clean[layer][place]  # noqa: B023
                return patched

            logits = peer.changed(case.ids(case.corrupt), site, layer, patch)
            expected[row, column] = case.difference(logits)
    close(found, expected)


def test_steering_and_ablation(case: Case, peer: Peer, close: Any) -> None:
    layer = case.layers[1]
    torch.manual_seed(1)
    vector = torch.randn(case.subject.architecture.d_model)
    unit = vector / vector.norm()
    changes = {
        "add": lambda value: value + 2 * vector,
        # A matrix product would add in another order, which shows where streams are large.
        "ablate_direction": lambda value: value - (value * unit).sum(-1, keepdim=True) * unit,
    }
    for op, change in changes.items():
        strength = 2.0 if op == "add" else 1.0
        asked_for = Intervention(op, layer, value=vector, strength=strength)  # type: ignore[arg-type]
        with torch.no_grad():
            batch = case.subject.encode(case.clean)
            normed = toolkit.run(case.subject, batch, [asked_for]).normed
            found = case.subject.architecture.logits(normed)
        close(found, peer.changed(case.ids(case.clean), "resid_post", layer, change))


@pytest.mark.parametrize("case", FAMILIES, indirect=True)
@pytest.mark.parametrize("peer", ["bridge"], indirect=True)
def test_grids_of_transformer_lens(case: Case, peer: Bridge, close: Any) -> None:
    """Its own functions for activation patching."""
    _, cache = peer.cached(case.ids(case.clean))
    corrupt = case.ids(case.corrupt)

    def score(logits: torch.Tensor) -> torch.Tensor:
        return torch.tensor(case.difference(logits))

    ways: tuple[tuple[Any, Site, str], ...] = (
        (patching.get_act_patch_resid_pre, "resid_pre", "position"),
        (patching.get_act_patch_attn_out, "attn_out", "position"),
        (patching.get_act_patch_mlp_out, "mlp_out", "position"),
        (patching.get_act_patch_attn_head_out_all_pos, "z", "head"),
        (patching.get_act_patch_attn_head_q_all_pos, "q", "head"),
    )
    for patch, site, by in ways:
        with torch.no_grad():
            expected = patch(peer.model, corrupt, cache, score)
        close(in_logits(case, site, by), expected)


def test_the_real_model_is_there() -> None:
    assert Path(os.environ["SEER_JUDGED_MODEL"], "config.json").exists()
