"""How an adapter has changed its model: what it says, and what goes on inside.

Serves the one model that its sandbox is configured with, and its adapters: "default", "adapter_2"
and so on; "base" is the model without any. Nothing says where an adapter is from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from seer_interfaces import toolkit
from seer_interfaces.toolkit import (
    BASE,
    Batch,
    Inputs,
    Intervention,
    Prompt,
    Sampling,
    Site,
    Subject,
    Where,
)
from seer_rpc.interface import TensorRef, expose

toolkit.prepare()


@dataclass
class MovedToken:
    """A next token whose probability differs.

    Attributes:
        before: Its probability by the first variant.
        after: By the second.
    """

    text: str
    before: float
    after: float


@dataclass
class Comparison:
    """What two variants make of an input.

    Attributes:
        tokens: The input's tokens.
        divergences: KL(second || first) of what comes behind each token, in nats.
        moved: The next tokens behind the input whose probabilities differ most.
        texts: What the first and the second write, the most probable token each time.
    """

    tokens: list[str]
    divergences: list[float]
    moved: list[MovedToken]
    texts: tuple[str, str]


@expose(read_only=True)
def variants() -> list[str]:
    """Name the variants of the model: "base", then its adapters."""
    return [BASE, *toolkit.subject().adapters]


@expose(read_only=True)
@torch.no_grad()
def compare(
    inputs: Inputs,
    first: str = BASE,
    second: str = "default",
    max_new_tokens: int = 64,
    top_k: int = 10,
    interventions: Sequence[Intervention] = (),
) -> list[Comparison]:
    """Compare what two variants say.

    Args:
        inputs: Texts, or chats.
        first: A variant.
        second: Another.
        max_new_tokens: How much each writes; 0 is nothing.
        top_k: How many of the tokens that moved most to give.
        interventions: Changes to both.
    """
    subject = toolkit.subject()
    comparisons = []
    for prompt in toolkit.prompts_of(inputs):
        before, text_before = _said(subject, first, prompt, max_new_tokens, interventions)
        after, text_after = _said(subject, second, prompt, max_new_tokens, interventions)
        divergences = (after.exp() * (after - before)).sum(dim=-1)
        tokens = subject.words(subject.encode(prompt).row(0))
        moved = _moved(subject, before[-1].exp(), after[-1].exp(), top_k)
        comparisons.append(
            Comparison(tokens, divergences.tolist(), moved, (text_before, text_after))
        )
    return comparisons


@expose(read_only=True)
@torch.no_grad()
def activation_diff(
    inputs: Inputs,
    layers: int | list[int] | None = None,
    first: str = BASE,
    second: str = "default",
    site: Site = "resid_post",
    positions: Where = "last",
    interventions: Sequence[Intervention] = (),
) -> TensorRef:
    """Give how activations differ: second - first. To add it to the first steers it to the second.

    Args:
        inputs: Texts, or chats; they run as one batch.
        layers: From 0, negative ones from the last; all without it.
        first: A variant.
        second: Another.
        site: Where in the layer.
        positions: Which tokens.
        interventions: Changes to both; activations are those after them.

    Returns:
        As `extract` gives it, [layer, batch, unit] or [layer, batch, position, unit]; it stays in
        the sandbox.
    """
    found = []
    for variant in (first, second):
        with toolkit.subject().using(variant) as subject:
            found.append(toolkit.extract(subject, inputs, layers, site, positions, interventions))
    return TensorRef(found[1] - found[0])


def _said(
    subject: Subject,
    variant: str,
    prompt: Prompt,
    max_new_tokens: int,
    interventions: Sequence[Intervention],
) -> tuple[torch.Tensor, str]:
    """Give log probabilities behind each token, [position, token], and what is written."""
    batch = subject.encode(prompt)
    with subject.using(variant):
        normed = toolkit.run(subject, batch, interventions).normed
        distributions = subject.architecture.logits(normed[0]).float().log_softmax(dim=-1)
        return distributions, _written(subject, batch, max_new_tokens, interventions)


def _written(
    subject: Subject, batch: Batch, max_new_tokens: int, interventions: Sequence[Intervention]
) -> str:
    if max_new_tokens == 0:
        return ""
    steps = toolkit.decode(subject, batch, Sampling(max_new_tokens), interventions)
    tokens = [step.tokens[0] for step in steps]
    text: str = subject.tokenizer.decode(tokens, skip_special_tokens=True)
    return text


def _moved(
    subject: Subject, before: torch.Tensor, after: torch.Tensor, top_k: int
) -> list[MovedToken]:
    most = (after - before).abs().topk(min(top_k, len(after))).indices.tolist()
    return [
        MovedToken(text, float(before[token]), float(after[token]))
        for text, token in zip(subject.words(most), most, strict=True)
    ]
