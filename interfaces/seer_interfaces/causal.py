"""What in a language model causes what it says: lenses, patching, attribution, heads.

Serves the one model that its sandbox is configured with. Whole grids are computed in the sandbox,
in batches and with progress. Answers are single tokens, exactly as written: in a text most words
begin with a space.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from seer_interfaces import toolkit
from seer_interfaces.toolkit import (
    Intervention,
    Keep,
    Prompt,
    Site,
    Visitor,
    Where,
)
from seer_interfaces.toolkit.contributions import Reader, head_outputs
from seer_interfaces.toolkit.norms import FrozenNorm
from seer_interfaces.toolkit.pairs import Pair, leaf_of, patch_of, span_of
from seer_interfaces.toolkit.paths import Point, integrate
from seer_rpc.interface import expose, progress

toolkit.prepare()

HeadKind = Literal["induction", "previous_token", "duplicate_token"]
Method = Literal["grad_x_input", "integrated_gradients"]


@dataclass
class Lens:
    """What each layer's residual stream would say if it were the last.

    Attributes:
        layers: The layer of each row.
        tokens: The token that is read at each position.
        top: The most probable next tokens, by layer and position.
        top_logprobs: Their log probabilities in nats, [layer, position, k].
        target_logprobs: Those of the targets, [layer, position, target].
    """

    layers: list[int]
    tokens: list[str]
    top: list[list[list[str]]]
    top_logprobs: torch.Tensor
    target_logprobs: torch.Tensor


@dataclass
class Grid:
    """How much of the way from the corrupt to the clean answer each patch leads.

    Attributes:
        values: [layer, position] or [layer, head]; 0 is as the corrupt prompt, 1 as the clean one.
        layers: The layer of each row.
        columns: The corrupt prompt's token at each position, or each head's number.
        clean: How much the clean prompt prefers the answer: the difference of two logits.
        corrupt: The same of the corrupt prompt.
    """

    values: torch.Tensor
    layers: list[int]
    columns: list[str]
    clean: float
    corrupt: float


@dataclass
class Component:
    """What one part of the model adds to a logit, or to the difference of two.

    Attributes:
        kind: "embedding", "head", "attention_bias" (what attention adds whatever its heads do),
            "mlp" or "bias" (of the final norm and the unembedding).
        layer: None for what belongs to none.
        value: In logits, before any cap. All of them add up to the logit.
    """

    kind: Literal["embedding", "head", "attention_bias", "mlp", "bias"]
    layer: int | None
    head: int | None
    value: float


@dataclass
class TokenAttribution:
    """How much each token of an input contributes to what comes next.

    Attributes:
        values: One for each token; a contribution to the target's logit.
        score: The target's logit.
        baseline: What it is for an input of the baseline alone.
        gap: score - baseline - sum(values). Near 0 where `integrated_gradients` took enough steps.
    """

    tokens: list[str]
    values: list[float]
    score: float
    baseline: float
    gap: float


@expose(read_only=True)
@torch.no_grad()
def logit_lens(
    prompt: Prompt,
    layers: int | list[int] | None = None,
    top_k: int = 5,
    targets: Sequence[str] = (),
    positions: Where = "all",
    interventions: Sequence[Intervention] = (),
) -> Lens:
    """Unembed the residual stream behind each layer: softmax(W_U norm(resid_post)).

    The final norm is applied, and the final cap where the model has one, so the last layer says
    what the model itself does.

    Args:
        prompt: A text, or a chat.
        layers: From 0, negative ones from the last; all without it.
        top_k: How many tokens to give at each place.
        targets: Single tokens to look up, exactly as written.
        positions: Which of the tokens: "all", "last" or numbers.
        interventions: Changes to the model while it reads.
    """
    subject = toolkit.subject()
    parts = subject.architecture
    batch = subject.encode(prompt)
    columns, _ = toolkit.columns(positions, batch)
    numbers = parts.layer_numbers(layers)
    wanted = torch.tensor([subject.token(each) for each in targets], dtype=torch.long)
    keep: list[Keep] = [("resid_post", layer) for layer in numbers]
    kept = toolkit.run(subject, batch, interventions, keep).kept
    best, values, looked_up = [], [], []
    for place in keep:
        hidden = kept[place][0, columns[0].to(kept[place].device)]
        logits = parts.logits(parts.final_norm(hidden.to(subject.device))).float()
        logprobs = logits.log_softmax(dim=-1).cpu()
        top = logprobs.topk(min(top_k, logprobs.shape[-1]))
        best.append([subject.words(row) for row in top.indices.tolist()])
        values.append(top.values)
        looked_up.append(logprobs[:, wanted])
    tokens = subject.words(batch.ids[0, columns[0]].tolist())
    return Lens(numbers, tokens, best, torch.stack(values), torch.stack(looked_up))


@expose(read_only=True)
@torch.no_grad()
def patch_grid(
    clean: Prompt,
    corrupt: Prompt,
    answer: str,
    wrong: str,
    site: Site = "resid_post",
    by: Literal["position", "head"] = "position",
    layers: int | list[int] | None = None,
    batch_size: int = 16,
) -> Grid:
    """Patch activations of the clean prompt into the corrupt one, one place at a time (denoising).

    A value is (LD - LD_corrupt) / (LD_clean - LD_corrupt), where LD is the logit of the answer less
    that of the wrong one. To give the prompts the other way round is noising.

    Args:
        clean: The prompt that has the right answer; as many tokens as the corrupt one.
        corrupt: The prompt that is patched.
        answer: The clean prompt's next token, exactly as written.
        wrong: The corrupt prompt's.
        site: What is patched. With by="head" it is one that has heads: z, q, k or v.
        by: One position of a layer at a time, or one head (all positions).
        layers: From 0, negative ones from the last; all without it.
        batch_size: How many patches run together.
    """
    subject = toolkit.subject()
    pair = Pair(subject, clean, corrupt, answer, wrong)
    numbers = subject.architecture.layer_numbers(layers)
    columns = pair.columns(site, by)
    keep: list[Keep] = [(site, layer) for layer in numbers]
    source = toolkit.run(subject, pair.clean, keep=keep)
    target = toolkit.run(subject, pair.corrupt)
    ends = pair.difference(source.normed), pair.difference(target.normed)
    span = span_of(ends)
    values = torch.empty(len(numbers), len(columns))
    chunks = [
        range(start, min(start + batch_size, len(columns)))
        for start in range(0, len(columns), batch_size)
    ]
    for row, place in enumerate(keep):
        for number, chunk in enumerate(chunks, 1):
            patch = Visitor(*place, patch_of(source.kept[place], chunk, by))
            batch = pair.repeated(len(chunk))
            patched = toolkit.run(subject, batch, visitors=[patch])
            differences = pair.differences(patched.normed)
            values[row, chunk.start : chunk.stop] = ((differences - ends[1]) / span).cpu()
            progress(row * len(chunks) + number, len(keep) * len(chunks))
    return Grid(values, numbers, columns, *ends)


@expose(read_only=True)
def attribution_grid(
    clean: Prompt,
    corrupt: Prompt,
    answer: str,
    wrong: str,
    site: Site = "resid_post",
    by: Literal["position", "head"] = "position",
    layers: int | list[int] | None = None,
) -> Grid:
    """Estimate `patch_grid` with two passes forward and one back (attribution patching).

    A value is (a_clean - a_corrupt) . dLD/da at the corrupt prompt, by the same measure: a first
    order estimate, exact where the model is linear.

    Args:
        clean: The prompt that has the right answer; as many tokens as the corrupt one.
        corrupt: The prompt that would be patched.
        answer: The clean prompt's next token, exactly as written.
        wrong: The corrupt prompt's.
        site: What would be patched.
        by: Positions of a layer, or heads.
        layers: From 0, negative ones from the last; all without it.
    """
    subject = toolkit.subject()
    pair = Pair(subject, clean, corrupt, answer, wrong)
    numbers = subject.architecture.layer_numbers(layers)
    columns = pair.columns(site, by)
    keep: list[Keep] = [(site, layer) for layer in numbers]
    with torch.no_grad():
        source = toolkit.run(subject, pair.clean, keep=keep)
    leaves: dict[Keep, torch.Tensor] = {}
    with torch.enable_grad():
        visitors = [Visitor(*place, leaf_of(leaves, place)) for place in keep]
        target = toolkit.run(subject, pair.corrupt, visitors=visitors)
        difference = pair.differences(target.normed)[0]
        gradients = torch.autograd.grad(difference, [leaves[place] for place in keep])
    ends = pair.difference(source.normed), float(difference.detach())
    span = span_of(ends)
    rows = []
    for place, gradient in zip(keep, gradients, strict=True):
        moved = source.kept[place].float() - leaves[place].detach().float()
        effects = (moved * gradient.float())[0].flatten(2 if by == "head" else 1).sum(dim=-1)
        rows.append((effects.sum(dim=0) if by == "head" else effects).cpu() / span)
    return Grid(torch.stack(rows), numbers, columns, *ends)


@expose(read_only=True)
@torch.no_grad()
def direct_logit_attribution(
    prompt: Prompt, answer: str, wrong: str | None = None
) -> list[Component]:
    """Split the logit behind a prompt into what each head and each MLP writes towards it directly.

    The final norm's scale (and those of norms behind attention and MLP) is held where it is, which
    makes the logit a sum: part . (W_U[answer] - W_U[wrong]).

    Args:
        prompt: A text, or a chat.
        answer: A single token, exactly as written.
        wrong: Another, whose logit is taken away.

    Returns:
        All parts, in the order of the model.
    """
    subject = toolkit.subject()
    parts = subject.architecture
    layers = range(parts.n_layers)
    sites: tuple[Site, ...] = ("resid_post", "z", "mlp_out")
    keep: list[Keep] = [(site, layer) for layer in layers for site in sites]
    keep.append(("resid_pre", 0))
    kept = {
        place: value[0, -1]
        for place, value in toolkit.run(subject, subject.encode(prompt), keep=keep).kept.items()
    }
    final = FrozenNorm(parts.final_norm, kept["resid_post", parts.n_layers - 1])
    reads = Reader(subject, answer, wrong)

    def component(
        kind: Literal["embedding", "head", "attention_bias", "mlp"],
        layer: int | None,
        head: int | None,
        part: torch.Tensor,
    ) -> Component:
        return Component(kind, layer, head, reads(final.linear(part.to(subject.device))))

    components = [component("embedding", None, None, kept["resid_pre", 0])]
    for layer in layers:
        heads, bias = head_outputs(subject, layer, kept["z", layer])
        components += [component("head", layer, head, part) for head, part in enumerate(heads)]
        components.append(component("attention_bias", layer, None, bias))
        components.append(component("mlp", layer, None, kept["mlp_out", layer]))
    return [*components, Component("bias", None, None, reads(final.bias) + reads.bias)]


@expose(read_only=True)
def token_attribution(
    prompt: Prompt,
    target: str,
    method: Method = "integrated_gradients",
    steps: int = 64,
    baseline: str | None = None,
    interventions: Sequence[Intervention] = (),
) -> TokenAttribution:
    """Say how much each token contributes to the logit of a target behind the prompt.

    "grad_x_input" is the gradient at the input times how far it is from the baseline;
    "integrated_gradients" averages the gradient on the straight way from there. On that way logits
    may change abruptly: where the `gap` of the result is large, take more steps.

    Args:
        prompt: A text, or a chat.
        target: A single token, exactly as written.
        method: The first is two passes, the second as many more as it needs.
        steps: At most this many.
        baseline: The token, exactly as written, whose embedding stands for nothing in the place of
            every token; without it, the token that ends texts. (Norms make zeros a bad one.)
        interventions: Changes to the model while it reads.
    """
    if steps < 1:
        raise ValueError("steps is at least 1")
    subject = toolkit.subject()
    batch = subject.encode(prompt)
    wanted = subject.token(target)
    nothing = min(subject.ends, default=0) if baseline is None else subject.token(baseline)
    embed = subject.architecture.embedding
    start = embed(torch.full_like(batch.ids, nothing)).detach()
    way = embed(batch.ids).detach() - start

    def at_point(at: float) -> Point:
        point = (start + at * way).requires_grad_()
        with torch.enable_grad():
            handle = embed.register_forward_hook(lambda _, __, ___: point)
            try:
                result = toolkit.run(subject, batch, interventions)
            finally:
                handle.remove()
            logit = toolkit.last_logits(subject, result)[0, wanted]
            (gradient,) = torch.autograd.grad(logit, point)
        return Point(at, float(logit.detach()), (gradient * way).float().sum(dim=-1)[0])

    lowest, score = at_point(0.0), at_point(1.0)
    slopes = score.slopes
    if method == "integrated_gradients":
        slopes = integrate(at_point, lowest, score, steps)
    gap = score.logit - lowest.logit - float(slopes.sum())
    tokens = subject.words(batch.row(0))
    return TokenAttribution(tokens, slopes.tolist(), score.logit, lowest.logit, gap)


@expose(read_only=True)
@torch.no_grad()
def find_heads(
    kind: HeadKind = "induction", length: int = 24, repeats: int = 4, seed: int = 0
) -> torch.Tensor:
    """Score each head by how much it attends to where such a head would.

    The input is random tokens, twice the same: on its second half an induction head looks at what
    came behind the same token, a duplicate-token head at the same token, and a previous-token head
    everywhere at the token before.

    Args:
        kind: What to look for.
        length: How many random tokens, before they come again.
        repeats: Over how many such inputs the mean is taken.
        seed: The same seed gives the same tokens.

    Returns:
        [layer, head] in float32: mean attention, 0 to 1.
    """
    subject = toolkit.subject()
    if length < 2 or repeats < 1:
        raise ValueError("length is at least 2, repeats at least 1")
    generator = torch.Generator().manual_seed(seed)
    vocabulary = int(subject.architecture.config.vocab_size)
    once = torch.randint(0, vocabulary, (repeats, length), generator=generator)
    batch = subject.batch(torch.cat([once, once], dim=1).tolist())
    queries = torch.arange(1 if kind == "previous_token" else length, 2 * length)
    back = {"induction": length - 1, "previous_token": 1, "duplicate_token": length}[kind]
    scores = torch.zeros(subject.architecture.n_layers, subject.architecture.n_heads)

    def scorer(layer: int) -> Callable[[torch.Tensor], None]:
        def score(pattern: torch.Tensor) -> None:
            looks = pattern[:, queries, :, queries - back]
            scores[layer] = looks.float().mean(dim=(0, 1))
            progress(layer + 1, len(scores))

        return score

    toolkit.run(
        subject,
        batch,
        visitors=[Visitor("pattern", layer, scorer(layer)) for layer in range(len(scores))],
    )
    return scores
