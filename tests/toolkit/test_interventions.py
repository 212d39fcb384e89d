"""Interventions: laws that hold for any model, and numbers against hooks written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from seer_interfaces import activations, toolkit
from seer_interfaces.toolkit import Intervention, Site, Subject
from tests.toolkit import references
from tests.toolkit.families import HEADS, LAYERS, WIDTH, tiny
from tests.toolkit.test_sites import SITES, TEXT, TEXTS, attended, extracted, ids_of, known

CLEAN, CORRUPT = "When Mary", "When John"
VECTOR = torch.linspace(-1, 2, WIDTH)


@torch.no_grad()
def logits(
    subject: Subject, inputs: str | list[str], interventions: Sequence[Intervention] = ()
) -> torch.Tensor:
    result = toolkit.run(subject, subject.encode(inputs), interventions)
    return subject.architecture.logits(result.normed)


def test_logits_are_those_of_transformers(any_subject: Subject) -> None:
    expected = references.logits(any_subject.model, ids_of(any_subject, TEXT))
    assert torch.equal(logits(any_subject, TEXT), expected)


def test_capped_attention_is_capped_whatever_a_model_was_loaded_with(tokenizer: Any) -> None:
    """sdpa cannot cap: before transformers 5 Gemma 2 ran with it all the same."""
    model = tiny("gemma2")
    model.config._attn_implementation = "eager"
    expected = references.logits(model, tokenizer(TEXT, return_tensors="pt").input_ids)
    model.config._attn_implementation = "sdpa"

    found = logits(toolkit.use(model, tokenizer), TEXT)

    torch.testing.assert_close(found, expected)


def test_logits_of_a_batch_are_those_of_each_alone(any_subject: Subject) -> None:
    """Left padding without position ids would be wrong for GPT-2, by far more than rounding."""
    together = logits(any_subject, TEXTS)
    for row, text in enumerate(TEXTS):
        alone = references.logits(any_subject.model, ids_of(any_subject, text))[0]
        torch.testing.assert_close(together[row, -len(alone) :], alone, atol=1e-5, rtol=1e-5)


def test_a_patch_of_its_own_activations_changes_nothing(any_subject: Subject) -> None:
    for site in known(any_subject):
        own = extracted(TEXTS, site=site, positions="all")
        patch = Intervention("set", "all", site, value=own)
        before = logits(any_subject, TEXTS)
        assert torch.equal(logits(any_subject, TEXTS, [patch]), before), site


def test_a_pattern_of_its_own_changes_nothing_but_by_rounding(any_subject: Subject) -> None:
    own = attended(TEXTS).transpose(2, 3)
    patch = Intervention("set", "all", "pattern", value=own)
    batch = any_subject.encode(TEXTS)

    difference = logits(any_subject, TEXTS, [patch]) - logits(any_subject, TEXTS)

    torch.testing.assert_close(
        difference[batch.mask], torch.zeros_like(difference[batch.mask]), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("layer", range(LAYERS))
def test_a_whole_residual_stream_brings_its_logits_along(any_subject: Subject, layer: int) -> None:
    clean = extracted(CLEAN, layer, positions="all")
    patch = Intervention("set", layer, value=clean)
    assert torch.equal(logits(any_subject, CORRUPT, [patch]), logits(any_subject, CLEAN))


@pytest.mark.parametrize("op", ["add", "set", "zero", "ablate_direction"])
def test_strength_zero_changes_nothing(subject: Subject, op: Any) -> None:
    for site in SITES:
        unit = extracted(TEXT, 0, site)[0, 0]
        value = None if op == "zero" else torch.ones_like(unit)
        nothing = Intervention(op, "all", site, value=value, strength=0.0)
        assert torch.equal(logits(subject, TEXT, [nothing]), logits(subject, TEXT)), site


def test_scale_one_changes_nothing_and_scale_zero_is_zero(subject: Subject) -> None:
    same = Intervention("scale", "all", "mlp_out", strength=1.0)
    none = Intervention("scale", "all", "mlp_out", strength=0.0)
    zero = Intervention("zero", "all", "mlp_out")

    assert torch.equal(logits(subject, TEXT, [same]), logits(subject, TEXT))
    assert torch.equal(logits(subject, TEXT, [none]), logits(subject, TEXT, [zero]))
    assert not torch.allclose(logits(subject, TEXT, [none]), logits(subject, TEXT), atol=0.1)


def test_steering_is_what_a_hook_written_by_hand_does(any_subject: Subject) -> None:
    model = any_subject.model
    with references.changed(model, 1, lambda output: output + 3 * VECTOR):
        expected = references.logits(model, ids_of(any_subject, TEXT))

    steering = Intervention("add", 1, value=VECTOR, strength=3.0)

    torch.testing.assert_close(
        logits(any_subject, TEXT, [steering]), expected, atol=1e-5, rtol=1e-5
    )
    # And nothing of it is left behind.
    assert torch.equal(
        logits(any_subject, TEXT), references.logits(model, ids_of(any_subject, TEXT))
    )


def test_steering_reaches_every_row_and_no_padding(any_subject: Subject) -> None:
    steering = Intervention("add", [0, 1, 2], value=VECTOR, strength=2.0)
    together = logits(any_subject, TEXTS, [steering])
    for row, text in enumerate(TEXTS):
        alone = logits(any_subject, text, [steering])[0]
        torch.testing.assert_close(together[row, -len(alone) :], alone, atol=2e-5, rtol=1e-5)


def test_an_ablated_direction_is_gone_and_to_do_it_again_changes_nothing(
    any_subject: Subject,
) -> None:
    ablation = Intervention("ablate_direction", 1, value=VECTOR)
    unit = VECTOR / VECTOR.norm()

    once = extracted(TEXT, 1, positions="all", interventions=[ablation])
    twice = extracted(TEXT, 1, positions="all", interventions=[ablation, ablation])

    torch.testing.assert_close(once @ unit, torch.zeros_like(once[..., 0]), atol=1e-5, rtol=0)
    torch.testing.assert_close(twice, once, atol=1e-5, rtol=0)
    other = extracted(TEXT, 1, positions="all") - once
    # Only what lay along the direction is missing.
    torch.testing.assert_close(other, (other @ unit)[..., None] * unit, atol=1e-5, rtol=0)


def test_ablation_of_every_write_is_orthogonal_weights(tokenizer: Any) -> None:
    model = tiny("llama")
    unit = VECTOR / VECTOR.norm()
    subject = toolkit.use(model, tokenizer)
    sites: tuple[Site, ...] = ("attn_out", "mlp_out")
    ablations = [Intervention("ablate_direction", "all", site, value=VECTOR) for site in sites]
    ablations.append(Intervention("ablate_direction", 0, "resid_pre", value=VECTOR))

    ablated = logits(subject, TEXT, ablations)

    away = torch.eye(WIDTH) - torch.outer(unit, unit)
    with torch.no_grad():
        embedding = model.model.embed_tokens.weight
        embedding.copy_(embedding @ away)
        for layer in model.model.layers:
            for module in (layer.self_attn.o_proj, layer.mlp.down_proj):
                module.weight.copy_(away @ module.weight)
    expected = references.logits(model, ids_of(subject, TEXT))
    torch.testing.assert_close(ablated, expected, atol=1e-5, rtol=1e-5)


def test_a_clamped_coordinate_is_what_it_was_clamped_to(subject: Subject) -> None:
    clamp = Intervention("clamp", 1, value=VECTOR, strength=2.5, positions=[1, -1])
    unit = VECTOR / VECTOR.norm()

    found = extracted(TEXT, 1, positions="all", interventions=[clamp])[0, 0]
    before = extracted(TEXT, 1, positions="all")[0, 0]

    coordinates = found @ unit
    torch.testing.assert_close(coordinates[[1, -1]], torch.tensor([2.5, 2.5]))
    assert torch.equal(found[2:-1], before[2:-1])


def test_zeroed_heads_and_mean_ablation_are_those_of_hand(subject: Subject) -> None:
    z = extracted(TEXT, 1, "z", positions="all")
    mean = activations.mean(TEXTS, 1, "z").value
    zero = Intervention("zero", 1, "z", head=2)
    ablation = Intervention("set", 1, "z", value=mean[:, 3], head=3)

    found = extracted(TEXT, 1, "z", positions="all", interventions=[zero, ablation])

    z[..., 2, :], z[..., 3, :] = 0, mean[0, 3]
    torch.testing.assert_close(found, z)


def test_a_head_without_its_pattern_gives_nothing(any_subject: Subject) -> None:
    pattern = Intervention("zero", 1, "pattern", head=1)
    head = Intervention("zero", 1, "z", head=1)

    torch.testing.assert_close(
        logits(any_subject, TEXT, [pattern]),
        logits(any_subject, TEXT, [head]),
        atol=1e-5,
        rtol=1e-5,
    )
    assert not attended(TEXT, 1, [1], interventions=[pattern]).any()


@pytest.mark.parametrize("site", ["q", "k"])
def test_without_queries_or_keys_attention_is_the_same_everywhere(
    any_subject: Subject, site: Site
) -> None:
    pattern = attended(TEXT, 1, interventions=[Intervention("zero", 1, site)])[0, 0]

    seen = pattern[attended(TEXT, 1)[0, 0] > 0].reshape(HEADS, -1)
    counts = (pattern > 0).sum(dim=-1, keepdim=True).expand_as(pattern)[pattern > 0]
    torch.testing.assert_close(seen, (1 / counts).reshape(HEADS, -1))


def test_values_are_seen_in_what_heads_give_and_in_no_pattern(any_subject: Subject) -> None:
    without = [Intervention("zero", 1, "v")]
    torch.testing.assert_close(attended(TEXT, 1, interventions=without), attended(TEXT, 1))
    assert not extracted(TEXT, 1, "z", interventions=without).any()


def test_values_may_differ_by_layer_and_by_input(subject: Subject) -> None:
    by_layer = torch.randn(2, WIDTH)
    by_input = torch.randn(2, 3, WIDTH)
    first = Intervention("set", [0, -1], value=by_layer, positions="last")
    second = Intervention("set", [0, -1], value=by_input, positions="last")
    third = Intervention("set", [0, -1], value=by_input[:, :, None], positions=[-1])

    assert torch.equal(
        extracted(TEXTS, [0, 2], interventions=[first]), by_layer[:, None].expand(2, 3, -1)
    )
    assert torch.equal(extracted(TEXTS, [0, 2], interventions=[second]), by_input)
    assert torch.equal(extracted(TEXTS, [0, 2], interventions=[third]), by_input)


def test_what_was_extracted_elsewhere_can_be_put_at_other_positions(subject: Subject) -> None:
    taken = extracted(CLEAN, 1, positions=[-1, 2])
    patch = Intervention("set", 1, value=taken, positions=[3, 4])

    found = extracted(CORRUPT, 1, positions=[3, 4], interventions=[patch])

    assert torch.equal(found, taken)


def test_lists_of_numbers_are_vectors_too(subject: Subject) -> None:
    steering = Intervention("add", 0, value=VECTOR.tolist())
    same = Intervention("add", 0, value=VECTOR)
    assert torch.equal(logits(subject, TEXT, [steering]), logits(subject, TEXT, [same]))


def test_half_precision_stays_what_it_is(tokenizer: Any) -> None:
    subject = toolkit.use(tiny("llama").bfloat16(), tokenizer)
    own = extracted(TEXT, positions="all")
    assert own.dtype == torch.float32

    patch = Intervention("set", "all", value=own)

    assert torch.equal(logits(subject, TEXT, [patch]), logits(subject, TEXT))
    steered = logits(subject, TEXT, [Intervention("add", 0, value=VECTOR)])
    assert steered.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"op": "add"}, "add needs a value"),
        ({"op": "turn"}, "there is no op 'turn': add, set"),
        ({"site": "resid"}, "there is no site 'resid': resid_pre"),
        ({"positions": "first"}, "positions='first': give numbers, or all"),
        ({"value": "much"}, "not a str"),
        ({"op": "zero", "value": VECTOR}, "zero takes no value"),
        ({"value": VECTOR[:3]}, r"value has shape \[3\]; for resid_post it is \[32\], \[1, 32\]"),
        ({"value": torch.ones(2, WIDTH)}, r"value has shape \[2, 32\]"),
        ({"value": torch.ones(1, 2, WIDTH)}, r"value has shape \[1, 2, 32\]"),
        ({"value": torch.ones(1, 2, 19, WIDTH)}, "value is for 2 inputs, and there are 1"),
        ({"value": torch.ones(1, 1, 4, WIDTH)}, "value is for 4 positions, and there are 19"),
        ({"site": "z", "value": VECTOR}, r"for z it is \[4, 8\]"),
        ({"site": "k", "op": "zero", "head": 2}, "there is no head 2: k has 2"),
        ({"op": "zero", "head": 0}, "resid_post has no heads"),
        ({"op": "zero", "layers": -4}, "there is no layer -4"),
        ({"op": "zero", "positions": [19]}, "there is no position 19 in an input of 19 tokens"),
        ({"op": "zero", "positions": []}, "names none"),
        ({"op": "ablate_direction", "value": torch.zeros(WIDTH)}, "direction of length zero"),
    ],
)
def test_what_does_not_fit_is_refused(
    subject: Subject, wrong: dict[str, Any], message: str
) -> None:
    asked = Intervention(**{"op": "set", "layers": 1, **wrong})
    with pytest.raises(ValueError, match=message) as raised:
        logits(subject, TEXT, [Intervention("zero", 0), asked])
    if "interventions[" in str(raised.value):
        assert str(raised.value).startswith("interventions[1]: ")
    # Nothing stays behind when a call fails.
    assert torch.equal(
        logits(subject, TEXT), references.logits(subject.model, ids_of(subject, TEXT))
    )


def test_heads_are_those_of_the_model(any_subject: Subject) -> None:
    assert toolkit.heads_of(any_subject.architecture, "q") == HEADS
