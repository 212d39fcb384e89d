"""Probes: what they find, and that chance finds nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from seer_interfaces import probes, toolkit
from seer_interfaces.toolkit import Subject, classifiers
from seer_rpc.interface import TensorRef
from tests.toolkit.test_sites import extracted

VOWELS = [f"{first}{second}a" for first in "bcdf" for second in "ghjk"]
OTHERS = [f"{first}{second}z" for first in "bcdf" for second in "ghjk"]


def test_a_probe_finds_what_is_there_and_its_controls_do_not(subject: Subject) -> None:
    found = probes.train_probes(VOWELS, OTHERS, [0, -1])
    found += probes.train_probes(VOWELS, OTHERS, 0, "mean_difference")

    assert [(each.kind, each.layer) for each in found] == [
        ("logistic", 0),
        ("logistic", 2),
        ("mean_difference", 0),
    ]
    for each in found:
        assert each.auroc == 1.0
        assert each.accuracy >= 0.8
        assert each.shuffled_auroc < 0.9


def test_nothing_to_find_is_chance(subject: Subject) -> None:
    generator = torch.Generator().manual_seed(1)
    letters = [chr(97 + int(each)) for each in torch.randint(0, 26, (240,), generator=generator)]
    texts = ["".join(letters[3 * number : 3 * number + 3]) for number in range(80)]
    (found,) = probes.train_probes(texts[:40], texts[40:], 1, held_out=0.5)
    assert 0.2 < found.auroc < 0.8


def test_scores_are_those_of_arithmetic(subject: Subject) -> None:
    (probe,) = probes.train_probes(VOWELS, OTHERS, 1)
    assert isinstance(probe.direction, TensorRef)
    direction = probe.direction.value

    scores = probes.probe_scores(probe, ["bga", "bgz", "long text"], positions="all")

    for text, row in zip(["bga", "bgz", "long text"], scores, strict=True):
        values = extracted(text, 1, positions="all")[0, 0]
        expected = values @ direction + probe.bias
        torch.testing.assert_close(torch.tensor(row), expected, atol=1e-3, rtol=1e-4)
    assert scores[0][-1] > 0 > scores[1][-1]


def test_a_probe_is_the_same_each_time_and_another_with_another_seed(subject: Subject) -> None:
    first, again, other = (
        probes.train_probes(VOWELS, OTHERS, 0, held_out=0.5, seed=seed)[0] for seed in (1, 1, 2)
    )
    assert torch.equal(first.direction.value, again.direction.value)  # type: ignore[union-attr]
    assert not torch.equal(first.direction.value, other.direction.value)  # type: ignore[union-attr]


def test_a_probe_is_an_intervention(subject: Subject) -> None:
    (probe,) = probes.train_probes(VOWELS, OTHERS, 1)
    steering = probes.probe_intervention(probe, "clamp", strength=2.0)
    assert isinstance(steering.value, TensorRef)
    unit = steering.value.value
    assert float(unit.norm()) == pytest.approx(1)

    # As an argument a reference is the value itself.
    steering.value = unit
    found = extracted("bga", 1, interventions=[steering])[0, 0]

    assert float(found @ unit) == pytest.approx(2.0, abs=1e-4)


def test_a_logistic_regression_is_where_its_gradient_is_zero() -> None:
    torch.manual_seed(0)
    positive, negative = torch.randn(30, 5) + 0.3, torch.randn(20, 5)
    fitted = classifiers.logistic(positive, negative, penalty=0.1)

    values = torch.cat([positive, negative]).double()
    spread = values.std(dim=0)
    weights = (fitted.direction.double() * spread).requires_grad_()
    bias = torch.tensor(fitted.bias, dtype=torch.float64, requires_grad=True)
    scores = values / spread @ weights + bias
    losses = torch.nn.functional.softplus(torch.cat([-scores[:30], scores[30:]]))
    total = losses[:30].mean() / 2 + losses[30:].mean() / 2 + 0.05 * weights.square().sum()
    for gradient in torch.autograd.grad(total, [weights, bias]):
        assert float(gradient.abs().max()) < 1e-5


def test_an_auroc_counts_pairs() -> None:
    positive, negative = torch.tensor([3.0, 1.0]), torch.tensor([0.0, 1.0, 2.0])
    pairs = [float(up > down) + (up == down) / 2 for up in positive for down in negative]
    assert classifiers.auroc(positive, negative) == pytest.approx(float(sum(pairs)) / 6)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"positive": ["a", "b", "c"]}, "a probe needs 4 at least"),
        ({"site": "z"}, "z has heads"),
        ({"held_out": 0.0}, "held_out is a part"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    subject: Subject, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        probes.train_probes(**{"positive": VOWELS, "negative": OTHERS, "layers": 0, **wrong})
    assert toolkit.subject() is subject
