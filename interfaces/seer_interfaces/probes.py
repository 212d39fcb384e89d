"""Linear probes: what a model's activations tell, with the controls that make it believable.

Serves the one model that its sandbox is configured with. A probe's direction stays in the sandbox,
and steers or ablates as any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from seer_interfaces import toolkit
from seer_interfaces.toolkit import Inputs, Intervention, Site, Subject, Where, classifiers
from seer_interfaces.toolkit.classifiers import Classifier
from seer_rpc.interface import TensorRef, expose, progress

toolkit.prepare()

ProbeKind = Literal["logistic", "mean_difference"]


@dataclass
class Probe:
    """A probe of a layer: it says yes where direction . activation + bias > 0.

    Attributes:
        direction: [d_model] in float32.
        auroc: On inputs that were held out: how probably a positive one scores above a negative.
        accuracy: The part of the held-out inputs that is right.
        shuffled_auroc: The same of probes trained on shuffled labels: what chance gives.
        random_auroc: The same of directions at random: what any direction gives.
    """

    kind: ProbeKind
    layer: int
    site: Site
    direction: torch.Tensor | TensorRef
    bias: float
    auroc: float
    accuracy: float
    shuffled_auroc: float
    random_auroc: float


@expose(read_only=True)
@torch.no_grad()
def train_probes(
    positive: Inputs,
    negative: Inputs,
    layers: int | list[int] | None = None,
    kind: ProbeKind = "logistic",
    site: Site = "resid_post",
    position: int | Literal["last"] = "last",
    held_out: float = 0.3,
    penalty: float = 0.01,
    seed: int = 0,
    batch_size: int = 16,
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
) -> list[Probe]:
    """Train a probe at each layer, and try it on inputs that it has not seen.

    Args:
        positive: Texts or chats that the probe is to say yes to; at least 4.
        negative: Such that it is to say no to; at least 4.
        layers: From 0, negative ones from the last; all without it.
        kind: A logistic regression, or the difference of the means.
        site: Where in the layer; one without heads.
        position: Which token of each input.
        held_out: The part of each kind that is held out.
        penalty: How much a logistic regression is held back (L2, of standardised activations).
        seed: Which are held out, and how the controls are drawn.
        batch_size: How many inputs run together.
        interventions: Changes to the model while it reads.
        adapter: Another adapter than the one in use ("default" and so on); "base" is none.
    """
    if site in toolkit.HEAD_SITES:
        raise ValueError(f"{site} has heads; a probe reads one vector")
    numbers = toolkit.subject().architecture.layer_numbers(layers)
    where: Where = "last" if position == "last" else [position]
    gathering = _Gathering(numbers, site, where, batch_size, interventions)
    with toolkit.subject().using(adapter) as subject:
        ups, downs = gathering.values(subject, positive), gathering.values(subject, negative)
    generator = torch.Generator().manual_seed(seed)
    up_order, down_order = (_order(each.shape[1], generator) for each in (ups, downs))
    probes = []
    for place, layer in enumerate(numbers):
        up, down = ups[place, up_order], downs[place, down_order]
        trial = _Trial(*_parted(up, held_out), *_parted(down, held_out), kind, penalty)
        probes.append(trial.probe(layer, site, generator))
        progress(place + 1, len(numbers))
    return probes


@expose(read_only=True)
@torch.no_grad()
def probe_scores(
    probe: Probe,
    inputs: Inputs,
    positions: Where = "last",
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
) -> list[list[float]]:
    """Give direction . activation + bias: above 0 is yes. The units of a logistic one are logits.

    Args:
        probe: Of `train_probes`.
        inputs: Texts, or chats; they run as one batch.
        positions: Which tokens.
        interventions: Changes to the model while it reads.
        adapter: Another adapter than the one in use ("default" and so on); "base" is none.

    Returns:
        For each input the score of each of its tokens that is selected.
    """
    with toolkit.subject().using(adapter) as subject:
        values, chosen = toolkit.extract_places(
            subject, subject.encode(inputs), probe.layer, probe.site, positions, interventions
        )
    scores = Classifier(_direction(probe), probe.bias).scores(values[0])
    return [row[mask].tolist() for row, mask in zip(scores, chosen, strict=True)]


@expose(read_only=True)
def probe_intervention(
    probe: Probe,
    op: Literal["add", "ablate_direction", "clamp"] = "add",
    strength: float = 1.0,
    positions: Where = "all",
) -> Intervention:
    """Make an intervention of a probe's direction, brought to length 1.

    Args:
        probe: Of `train_probes`.
        op: What to do with the direction.
        strength: Its length when it is added; the coordinate for "clamp".
        positions: Which tokens.
    """
    direction = _direction(probe)
    unit = TensorRef(direction / direction.norm())
    return Intervention(op, probe.layer, probe.site, positions, unit, strength)


class _Trial:
    """Activations to train on and to be tried on, of one layer."""

    def __init__(
        self,
        up: torch.Tensor,
        up_held: torch.Tensor,
        down: torch.Tensor,
        down_held: torch.Tensor,
        kind: ProbeKind,
        penalty: float,
    ) -> None:
        self._up, self._up_held, self._down, self._down_held = up, up_held, down, down_held
        self._kind, self._penalty = kind, penalty

    def probe(self, layer: int, site: Site, generator: torch.Generator, controls: int = 8) -> Probe:
        """Train, and try."""
        trained = self._trained(self._up, self._down)
        right = torch.cat([trained.scores(self._up_held) > 0, trained.scores(self._down_held) <= 0])
        shuffled = [self._auroc(self._shuffled(generator)) for _ in range(controls)]
        width = len(trained.direction)
        random = [
            self._auroc(Classifier(torch.randn(width, generator=generator), 0.0))
            for _ in range(controls)
        ]
        return Probe(
            self._kind,
            layer,
            site,
            TensorRef(trained.direction),
            trained.bias,
            self._auroc(trained),
            float(right.double().mean()),
            sum(shuffled) / controls,
            # A direction has no side.
            sum(max(each, 1 - each) for each in random) / controls,
        )

    def _auroc(self, classifier: Classifier) -> float:
        return classifiers.auroc(
            classifier.scores(self._up_held), classifier.scores(self._down_held)
        )

    def _shuffled(self, generator: torch.Generator) -> Classifier:
        every = torch.cat([self._up, self._down])
        every = every[_order(len(every), generator).to(every.device)]
        return self._trained(every[: len(self._up)], every[len(self._up) :])

    def _trained(self, up: torch.Tensor, down: torch.Tensor) -> Classifier:
        if self._kind == "logistic":
            return classifiers.logistic(up, down, self._penalty)
        return classifiers.mean_difference(up, down)


@dataclass
class _Gathering:
    """What probes are trained on."""

    layers: list[int]
    site: Site
    where: Where
    batch_size: int
    interventions: Sequence[Intervention]

    def values(self, subject: Subject, inputs: Inputs) -> torch.Tensor:
        """Give activations, [layer, input, d_model]."""
        prompts = toolkit.prompts_of(inputs)
        if len(prompts) < 4:
            raise ValueError(f"there are {len(prompts)} inputs of a kind; a probe needs 4 at least")
        parts = []
        for start in range(0, len(prompts), self.batch_size):
            batch = subject.encode(prompts[start : start + self.batch_size])  # type: ignore[arg-type]
            values, _ = toolkit.extract_places(
                subject, batch, self.layers, self.site, self.where, self.interventions
            )
            parts.append(values[:, :, 0])
        return torch.cat(parts, dim=1)


def _order(length: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randperm(length, generator=generator)


def _parted(values: torch.Tensor, held_out: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Give what is trained on, and what is held out: two at least of each."""
    if not 0 < held_out < 1:
        raise ValueError("held_out is a part: more than 0 and less than 1")
    held = min(max(round(len(values) * held_out), 2), len(values) - 2)
    return values[held:], values[:held]


def _direction(probe: Probe) -> torch.Tensor:
    """Give a probe's direction: a reference is the tensor itself as an argument."""
    direction = probe.direction
    value = direction.value if isinstance(direction, TensorRef) else direction
    if not isinstance(value, torch.Tensor):
        raise ValueError("the probe's direction is no tensor: give what train_probes() gave")
    return value
