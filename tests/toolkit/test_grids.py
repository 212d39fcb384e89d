"""Grids of patches, measured and estimated, against hooks written by hand and whole passes."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch

from seer_interfaces import causal, toolkit
from seer_interfaces.toolkit import Intervention, Site, Subject
from seer_interfaces.toolkit.pairs import Pair, patch_of
from tests.toolkit import references
from tests.toolkit.families import HEADS, LAYERS, WIDTH
from tests.toolkit.test_sites import ids_of, known

CLEAN, CORRUPT = "When Mary", "When John"
ANSWER, WRONG = "y", "n"


def difference(subject: Subject, text: str) -> float:
    logits = references.logits(subject.model, ids_of(subject, text))[0, -1]
    return float(logits[subject.token(ANSWER)] - logits[subject.token(WRONG)])


def test_patched_grids_are_patches_one_by_one(any_subject: Subject) -> None:
    """Against hooks on the layers, written by hand."""
    model = any_subject.model
    clean, corrupt = ids_of(any_subject, CLEAN), ids_of(any_subject, CORRUPT)
    states = references.sites(model, clean)["resid_post"]

    grid = causal.patch_grid(CLEAN, CORRUPT, ANSWER, WRONG, batch_size=4)

    start, end = difference(any_subject, CORRUPT), difference(any_subject, CLEAN)
    assert [grid.corrupt, grid.clean] == pytest.approx([start, end])
    assert grid.columns == any_subject.words(corrupt[0].tolist())
    for layer in range(LAYERS):
        for position in (0, 5, 8, 9 - 1):

            def patch(output: torch.Tensor) -> torch.Tensor:
                output = output.clone()
                output[:, position] = states[layer][:, position]  # noqa: B023
                return output

            with references.changed(model, layer, patch):
                found = difference(any_subject, CORRUPT)
            expected = (found - start) / (end - start)
            assert float(grid.values[layer, position]) == pytest.approx(expected, abs=1e-4)
    # Behind the last layer only the last position matters, and there it is everything.
    torch.testing.assert_close(grid.values[-1, :-1], torch.zeros(clean.shape[1] - 1))
    assert float(grid.values[-1, -1]) == pytest.approx(1.0, abs=1e-5)


def test_a_grid_is_what_whole_passes_give_under_interventions(any_subject: Subject) -> None:
    """Behind layers that run once for all cells, in them and above."""
    sites: list[Site] = ["resid_pre", "attn_out", "resid_post"]
    interventions = [
        Intervention("add", [0, 1, 2], site, value=torch.linspace(-1, 1, WIDTH), strength=0.3)
        for site in sites
    ]
    pair = Pair(any_subject, CLEAN, CORRUPT, ANSWER, WRONG)
    places: list[toolkit.Keep] = [("attn_out", layer) for layer in range(LAYERS)]
    kept = toolkit.run(any_subject, pair.clean, interventions, keep=places).kept

    grid = causal.patch_grid(
        CLEAN, CORRUPT, ANSWER, WRONG, "attn_out", interventions=interventions, batch_size=4
    )

    for place in places:
        patch = toolkit.Visitor(*place, patch_of(kept[place], range(7, 8), "position"))
        result = toolkit.run(any_subject, pair.corrupt, interventions, visitors=[patch])
        found = float(grid.values[place[1], 7]) * (grid.clean - grid.corrupt) + grid.corrupt
        assert found == pytest.approx(pair.difference(result.normed), abs=1e-5)


def test_layers_below_a_patch_run_once(any_subject: Subject) -> None:
    rows = [0] * LAYERS

    def count(layer: int, _: object, args: tuple[torch.Tensor]) -> None:
        rows[layer] += len(args[0])

    def forwards() -> list[object]:
        return [vars(layer).get("forward") for layer in any_subject.architecture.layers]

    before = forwards()
    mlps = [any_subject.architecture.mlp(layer) for layer in range(LAYERS)]
    handles = [
        each.register_forward_pre_hook(partial(count, layer)) for layer, each in enumerate(mlps)
    ]
    columns = len(causal.patch_grid(CLEAN, CORRUPT, ANSWER, WRONG).columns)

    # Those of the two prompts, and of the patches in this layer and below.
    assert rows == [2 + columns * (layer + 1) for layer in range(LAYERS)]
    for handle in handles:
        handle.remove()
    # It leaves the model as it was.
    assert forwards() == before


def test_patched_heads_are_interventions_one_by_one(subject: Subject) -> None:
    grid = causal.patch_grid(CLEAN, CORRUPT, ANSWER, WRONG, "z", by="head", batch_size=3)

    assert grid.columns == [str(head) for head in range(HEADS)]
    batch = subject.encode(CLEAN)
    z = toolkit.run(subject, batch, keep=[("z", 1)]).kept["z", 1]
    for head in range(HEADS):
        patch = Intervention("set", 1, "z", value=z[None, :, :, head], head=head)
        result = toolkit.run(subject, subject.encode(CORRUPT), [patch])
        logits = toolkit.last_logits(subject, result)[0]
        moved = float(logits[subject.token(ANSWER)] - logits[subject.token(WRONG)])
        expected = (moved - grid.corrupt) / (grid.clean - grid.corrupt)
        assert float(grid.values[1, head]) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("by", ["position", "head"])
def test_attribution_is_the_gradient_of_the_patch(any_subject: Subject, by: Any) -> None:
    """Against the finite difference of a small step towards the clean activation."""
    site: Site = "z" if by == "head" else "resid_post"
    grid = causal.attribution_grid(CLEAN, CORRUPT, ANSWER, WRONG, site, by)
    exact = causal.patch_grid(CLEAN, CORRUPT, ANSWER, WRONG, site, by)

    assert grid.values.shape == exact.values.shape
    assert [grid.clean, grid.corrupt] == pytest.approx([exact.clean, exact.corrupt])
    source = toolkit.run(any_subject, any_subject.encode(CLEAN), keep=[(site, 1)]).kept[site, 1]
    column = 2 if by == "head" else source.shape[1] - 1
    step = 1e-2
    moved = []
    for strength in (step, -step):
        if by == "head":
            value = source[None, :, :, column]
            patch = Intervention("set", 1, site, value=value, head=column, strength=strength)
        else:
            value = source[None, :, column:]
            patch = Intervention("set", 1, site, [column], value, strength)
        result = toolkit.run(any_subject, any_subject.encode(CORRUPT), [patch])
        logits = toolkit.last_logits(any_subject, result)[0].double()
        moved.append(float(logits[any_subject.token(ANSWER)] - logits[any_subject.token(WRONG)]))
    slope = (moved[0] - moved[1]) / (2 * step) / (grid.clean - grid.corrupt)
    assert float(grid.values[1, column]) == pytest.approx(slope, abs=2e-2, rel=2e-2)


def test_attribution_at_every_site_runs(any_subject: Subject) -> None:
    for site in known(any_subject):
        grid = causal.attribution_grid(CLEAN, CORRUPT, ANSWER, WRONG, site)
        assert grid.values.shape == (LAYERS, 10)
        assert bool(grid.values.isfinite().all())
    # What is patched at the embedding's position that is the same in both changes nothing.
    assert not grid.values[0, :5].any()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"corrupt": "When Jo"}, "clean prompt has 10 tokens and the corrupt one 8"),
        ({"answer": "yes"}, r"'yes' is not one token but \['y', 'e', 's'\]"),
        ({"corrupt": CLEAN}, "nothing to measure patches by"),
        ({"by": "head"}, "resid_post has no heads"),
        ({"site": "pattern"}, "instead of patterns"),
    ],
)
def test_what_cannot_be_patched_is_refused(
    subject: Subject, wrong: dict[str, Any], message: str
) -> None:
    asked = {"clean": CLEAN, "corrupt": CORRUPT, "answer": ANSWER, "wrong": WRONG, **wrong}
    for grid in (causal.patch_grid, causal.attribution_grid):
        with pytest.raises(ValueError, match=message):
            grid(**asked)
