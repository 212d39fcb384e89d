"""What in a language model causes what it says: lenses, patching, attribution, heads.

Serves the one model that its sandbox is configured with. Whole grids are computed in the sandbox,
in batches and with progress. Answers are single tokens, exactly as written: in a text most words
begin with a space.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch

from seer_interfaces import toolkit
from seer_interfaces.toolkit import Intervention, Prompt, Site, Where, contributions, lenses
from seer_interfaces.toolkit.attributions import Method, TokenAttribution, Way
from seer_interfaces.toolkit.contributions import Component, Reader
from seer_interfaces.toolkit.grids import Grid, Patching
from seer_interfaces.toolkit.head_scores import HeadKind, score_heads
from seer_interfaces.toolkit.lenses import Lens
from seer_interfaces.toolkit.pairs import Pair
from seer_rpc.interface import expose

toolkit.prepare()


@expose(read_only=True)
@torch.no_grad()
def logit_lens(
    prompt: Prompt,
    layers: int | list[int] | None = None,
    top_k: int = 5,
    targets: Sequence[str] = (),
    positions: Where = "all",
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
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
        adapter: Another adapter than the one in use ("default" and so on); "base" is none.
    """
    with toolkit.subject().using(adapter) as subject:
        batch = subject.encode(prompt)
        return lenses.read_streams(subject, batch, layers, positions, top_k, targets, interventions)


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
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
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
        interventions: Changes to the model while it reads either prompt; patches come after them.
        adapter: Another adapter than the one in use ("default" and so on); "base" is none.
    """
    with toolkit.subject().using(adapter) as subject:
        pair = Pair(subject, clean, corrupt, answer, wrong)
        return Patching(subject, pair, site, by, layers, interventions).measured(batch_size)


@expose(read_only=True)
def attribution_grid(
    clean: Prompt,
    corrupt: Prompt,
    answer: str,
    wrong: str,
    site: Site = "resid_post",
    by: Literal["position", "head"] = "position",
    layers: int | list[int] | None = None,
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
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
        interventions: Changes to the model while it reads either prompt.
        adapter: Another adapter than the one in use ("default" and so on); "base" is none.
    """
    with toolkit.subject().using(adapter) as subject:
        pair = Pair(subject, clean, corrupt, answer, wrong)
        return Patching(subject, pair, site, by, layers, interventions).estimated()


@expose(read_only=True)
@torch.no_grad()
def direct_logit_attribution(
    prompt: Prompt,
    answer: str,
    wrong: str | None = None,
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
) -> list[Component]:
    """Split the logit behind a prompt into what each head and each MLP writes towards it directly.

    The final norm's scale (and those of norms behind attention and MLP) is held where it is, which
    makes the logit a sum: part . (W_U[answer] - W_U[wrong]).

    Args:
        prompt: A text, or a chat.
        answer: A single token, exactly as written.
        wrong: Another, whose logit is taken away.
        interventions: Changes to the model while it reads.
        adapter: Another adapter than the one in use ("default" and so on); "base" is none.

    Returns:
        All parts, in the order of the model.
    """
    with toolkit.subject().using(adapter) as subject:
        reader = Reader(subject, answer, wrong)
        return contributions.components(subject, subject.encode(prompt), reader, interventions)


@expose(read_only=True)
@torch.no_grad()
def token_attribution(
    prompt: Prompt,
    target: str,
    method: Method = "integrated_gradients",
    steps: int = 64,
    baseline: str | None = None,
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
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
        adapter: Another adapter than the one in use ("default" and so on); "base" is none.
    """
    if steps < 1:
        raise ValueError("steps is at least 1")
    with toolkit.subject().using(adapter) as subject:
        nothing = min(subject.ends, default=0) if baseline is None else subject.token(baseline)
        batch, wanted = subject.encode(prompt), subject.token(target)
        return Way(subject, batch, wanted, nothing, interventions).attribute(method, steps)


@expose(read_only=True)
@torch.no_grad()
def find_heads(
    kind: HeadKind = "induction",
    length: int = 24,
    repeats: int = 4,
    seed: int = 0,
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
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
        interventions: Changes to the model while it reads.
        adapter: Another adapter than the one in use ("default" and so on); "base" is none.

    Returns:
        [layer, head] in float32: mean attention, 0 to 1.
    """
    if length < 2 or repeats < 1:
        raise ValueError("length is at least 2, repeats at least 1")
    generator = torch.Generator().manual_seed(seed)
    with toolkit.subject().using(adapter) as subject:
        vocabulary = int(subject.architecture.config.vocab_size)
        once = torch.randint(0, vocabulary, (repeats, length), generator=generator)
        return score_heads(subject, kind, once, interventions)
