"""Ask a language model: what it says, how probable it finds what, with interventions or without.

Serves the one model that its sandbox is configured with, adapters included. Inputs are raw texts,
or chats as lists of messages: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from seer_interfaces import toolkit
from seer_interfaces.toolkit import (
    Inputs,
    Intervention,
    Message,
    Prompt,
    Sampling,
    answers,
    probabilities,
)
from seer_interfaces.toolkit.answers import Completion, TokenEvent
from seer_interfaces.toolkit.probabilities import NextTokens
from seer_rpc.interface import expose

toolkit.prepare()


@dataclass
class ModelInfo:
    """What the model is made of; not what it is called.

    Attributes:
        adapters: The adapters that are loaded: "default" and so on. "base" is the model without
            any.
        has_parallel_residual: Whether attention and MLP run side by side: there is no resid_mid
            then.
    """

    layers: int
    d_model: int
    heads: int
    kv_heads: int
    d_head: int
    vocabulary: int
    max_positions: int
    parameters: int
    dtype: str
    device: str
    adapters: list[str]
    has_chat_template: bool
    has_parallel_residual: bool


@dataclass
class Tokens:
    """An input as the model sees it.

    Attributes:
        texts: Each token alone. Positions in this list are those that interventions name.
    """

    ids: list[int]
    texts: list[str]


@expose(read_only=True)
def info() -> ModelInfo:
    """Tell what the model is made of."""
    subject = toolkit.subject()
    parts = subject.architecture
    weight = next(subject.model.parameters())
    return ModelInfo(
        layers=parts.n_layers,
        d_model=parts.d_model,
        heads=parts.n_heads,
        kv_heads=parts.n_kv_heads,
        d_head=parts.d_head,
        vocabulary=int(parts.config.vocab_size),
        max_positions=parts.max_positions,
        parameters=sum(each.numel() for each in parts.causal.parameters()),
        dtype=str(weight.dtype).removeprefix("torch."),
        device=str(weight.device),
        adapters=subject.adapters,
        has_chat_template=subject.tokenizer.chat_template is not None,
        has_parallel_residual=parts.has_parallel_residual,
    )


@expose(read_only=True)
def tokenize(inputs: Inputs, prefill: str = "") -> list[Tokens]:
    """Show inputs as the model sees them: special tokens and chat template included.

    Args:
        inputs: Texts, or chats.
        prefill: What the answer begins with.
    """
    subject = toolkit.subject()
    rows = [toolkit.encode(subject.tokenizer, each, prefill) for each in toolkit.prompts_of(inputs)]
    return [Tokens(row, subject.words(row)) for row in rows]


@expose(read_only=True)
@torch.no_grad()
def generate(
    inputs: Inputs,
    max_new_tokens: int = 128,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int | None = None,
    n: int = 1,
    prefill: str = "",
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
) -> list[Completion]:
    """Let the model continue texts, or answer chats.

    All inputs run as one batch, and each gets what it would get alone.

    Args:
        inputs: Texts to continue, or chats to answer.
        max_new_tokens: Where an answer is cut off.
        temperature: 0 takes the most probable token; 1 is the model's own distribution.
        top_p: Samples among the most probable tokens that have this probability together.
        seed: The same seed gives the same samples.
        n: How many answers to each input.
        prefill: What each answer begins with.
        interventions: Changes to the model while it reads and writes.
        adapter: Another adapter than the one in use, by the names of `info`; "base" is none.

    Returns:
        The answers: all of the first input, then all of the second.
    """
    subject = toolkit.subject()
    if n < 1:
        raise ValueError("n is at least 1")
    once = subject.encode(inputs, prefill)
    rows = [once.row(index) for index in range(len(once.ids)) for _ in range(n)]
    sampling = Sampling(max_new_tokens, temperature, top_p, seed)
    samples = [index % n for index in range(len(rows))]
    steps = toolkit.decode(subject, subject.batch(rows), sampling, interventions, samples, adapter)
    return answers.gathered(subject, steps, len(rows), prefill)


@expose(read_only=True)
def stream(
    prompt: Prompt,
    max_new_tokens: int = 128,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int | None = None,
    prefill: str = "",
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
) -> Iterator[TokenEvent]:
    """Let the model continue a text or answer a chat, token by token; to stop iterating ends it.

    Args:
        prompt: A text to continue, or a chat to answer.
        max_new_tokens: Where the answer is cut off.
        temperature: 0 takes the most probable token; 1 is the model's own distribution.
        top_p: Samples among the most probable tokens that have this probability together.
        seed: The same seed gives the same tokens.
        prefill: What the answer begins with; it is not told again.
        interventions: Changes to the model while it reads and writes.
        adapter: Another adapter than the one in use, by the names of `info`; "base" is none.
    """
    subject = toolkit.subject()
    batch = subject.encode(prompt, prefill)
    sampling = Sampling(max_new_tokens, temperature, top_p, seed)
    steps = toolkit.decode(subject, batch, sampling, interventions, adapter=adapter)
    yield from answers.told(subject, steps)


@expose(read_only=True)
def chat(
    message: str,
    system: str | None = None,
    max_new_tokens: int = 256,
    temperature: float = 0.0,
    seed: int | None = None,
    prefill: str = "",
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
) -> str:
    """Give the model's answer to one message.

    Args:
        message: What the user says.
        system: The system prompt; without it, what the model's template makes of none.
        max_new_tokens: Where the answer is cut off.
        temperature: 0 takes the most probable token; 1 is the model's own distribution.
        seed: The same seed gives the same answer.
        prefill: What the answer begins with.
        interventions: Changes to the model while it reads and writes.
        adapter: Another adapter than the one in use, by the names of `info`; "base" is none.
    """
    messages: list[Message] = [{"role": "user", "content": message}]
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    (answer,) = generate(
        messages,
        max_new_tokens,
        temperature,
        seed=seed,
        prefill=prefill,
        interventions=interventions,
        adapter=adapter,
    )
    return answer.text


@expose(read_only=True)
@torch.no_grad()
def logprobs(
    inputs: Inputs,
    targets: Sequence[str] = (),
    top_k: int = 10,
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
) -> list[NextTokens]:
    """Give what the model finds probable behind each input.

    Args:
        inputs: Texts, or chats; the answer of a chat is what comes next.
        targets: Continuations to look up, exactly as written (mind the space before a word). One of
            several tokens has the product of their probabilities.
        top_k: How many of the most probable tokens to give.
        interventions: Changes to the model while it reads.
        adapter: Another adapter than the one in use, by the names of `info`; "base" is none.
    """
    with toolkit.subject().using(adapter) as subject:
        batch = subject.encode(inputs)
        return probabilities.next_tokens(subject, batch, targets, top_k, interventions)


@expose(read_only=True)
@torch.no_grad()
def loss(
    texts: list[str],
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
) -> list[float]:
    """Give how surprised the model is by each text: nats per token, the first one not counted.

    Args:
        texts: At least two tokens each.
        interventions: Changes to the model while it reads.
        adapter: Another adapter than the one in use, by the names of `info`; "base" is none.
    """
    with toolkit.subject().using(adapter) as subject:
        batch = subject.encode(texts)
        if int(batch.prompts.min()) < 2:
            raise ValueError("a text of one token has no loss")
        taken = toolkit.token_logprobs(subject, batch, interventions)
    return [float(-row[mask].mean()) for row, mask in zip(taken, batch.mask[:, :-1], strict=True)]
