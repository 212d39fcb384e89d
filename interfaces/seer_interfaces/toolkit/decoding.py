"""Generation, token by token: the same loop whether callers wait for all of it or watch."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from transformers import DynamicCache

from seer_interfaces.toolkit.inputs import Batch
from seer_interfaces.toolkit.interventions import Intervention, Pass, visitors_of
from seer_interfaces.toolkit.running import forward
from seer_interfaces.toolkit.sites import visiting
from seer_interfaces.toolkit.subjects import Subject

Finish = Literal["stop", "length"]


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen."""

    max_new_tokens: int = 128
    temperature: float = 0.0
    """0 takes the most probable token, always."""

    top_p: float = 1.0
    """Only the most probable tokens that have this probability together."""

    seed: int | None = None

    def __post_init__(self) -> None:
        """Check.

        Raises:
            ValueError: a number is out of its range.
        """
        if self.max_new_tokens < 1:
            raise ValueError("max_new_tokens is at least 1")
        if self.temperature < 0 or not 0 < self.top_p <= 1:
            raise ValueError("temperature is 0 or more, top_p more than 0 and at most 1")


@dataclass
class Step:
    """One more token of each row."""

    tokens: list[int | None]
    """None for rows that have ended."""

    logprobs: list[float]
    """The model's own log probability of each, in nats, whatever the temperature."""

    finished: list[Finish | None]
    """Why each row ends with this step; None where it goes on, or has ended before."""


@torch.no_grad()
def decode(
    subject: Subject,
    batch: Batch,
    sampling: Sampling,
    interventions: Sequence[Intervention] = (),
    samples: Sequence[int] | None = None,
    adapter: str | None = None,
) -> Iterator[Step]:
    """Generate until every row has ended; a row's tokens depend on no other row.

    `samples` numbers the rows that continue the same prompt: each has a randomness of its own.

    Raises:
        ValueError: an intervention does not fit, or there is no such adapter.
    """
    now = Pass(batch)
    chooser = _Chooser(sampling, samples or [0] * len(batch.ids), subject.device)
    cache = DynamicCache(config=subject.architecture.config)
    visitors = visitors_of(interventions, subject.architecture, now)
    running = [True] * len(batch.ids)
    room = subject.architecture.max_positions - batch.width
    last = min(sampling.max_new_tokens, room + 1)
    for number in range(1, last + 1):
        # Whoever takes the steps may run the model in between, and is not to meet these visitors.
        with subject.using(adapter), visiting(subject.architecture, visitors):
            normed = forward(subject, now, cache).last_hidden_state
            logits = subject.architecture.logits(normed[:, -1]).float()
        step = chooser.choose(logits)
        for row, token in enumerate(step.tokens):
            if not running[row]:
                step.tokens[row] = None
            elif token in subject.ends:
                step.finished[row] = "stop"
            elif number == last:
                step.finished[row] = "length"
            running[row] = running[row] and step.finished[row] is None
        yield step
        if not any(running):
            return
        now.start = now.batch.width
        now.batch = _longer(now.batch, step, subject.filler)


def _longer(batch: Batch, step: Step, filler: int) -> Batch:
    tokens = [filler if token is None else token for token in step.tokens]
    column = torch.tensor(tokens, device=batch.ids.device)[:, None]
    ids = torch.cat([batch.ids, column], dim=1)
    mask = torch.cat([batch.mask, torch.ones_like(column, dtype=torch.bool)], dim=1)
    return Batch(ids, mask, batch.prompts)


class _Chooser:
    """Chooses each row's next token with a random generator of the row's own."""

    def __init__(self, sampling: Sampling, samples: Sequence[int], device: torch.device) -> None:
        self._sampling = sampling
        seed = secrets.randbits(32) if sampling.seed is None else sampling.seed
        self._generators = [
            torch.Generator(device).manual_seed(seed + 1_000_003 * sample) for sample in samples
        ]

    def choose(self, logits: torch.Tensor) -> Step:
        """Choose by the logits, [batch, token]."""
        logprobs = logits.log_softmax(dim=-1)
        if self._sampling.temperature == 0:
            chosen = logits.argmax(dim=-1)
        else:
            weights = self._weights(logits)
            chosen = torch.cat(
                [
                    torch.multinomial(row, 1, generator=generator)
                    for row, generator in zip(weights, self._generators, strict=True)
                ]
            )
        taken = logprobs.gather(1, chosen[:, None])[:, 0]
        return Step(chosen.tolist(), taken.tolist(), [None] * len(chosen))

    def _weights(self, logits: torch.Tensor) -> torch.Tensor:
        weights = (logits / self._sampling.temperature).softmax(dim=-1)
        if self._sampling.top_p == 1:
            return weights
        ordered, order = weights.sort(dim=-1, descending=True)
        # What more probable tokens have together, this one not counted.
        before = ordered.cumsum(dim=-1) - ordered
        ordered = ordered.masked_fill(before >= self._sampling.top_p, 0)
        return torch.zeros_like(weights).scatter(1, order, ordered)
