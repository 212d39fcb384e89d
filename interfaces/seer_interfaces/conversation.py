"""Conversations with a language model that can be taken back and branched, as auditors need them.

A conversation stays in the sandbox, with whoever began it; the reference to it is what the other
functions take, and when that is freed it is forgotten. Serves the one model that its sandbox is
configured with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch

from seer_interfaces import toolkit
from seer_interfaces.toolkit import Finish, Intervention, Message, Sampling
from seer_rpc.interface import Ref, expose

toolkit.prepare()


@dataclass
class Turn:
    """What the model said.

    Attributes:
        text: Its message, which begins with the prefill.
        finish: "stop" where it ended by itself, "length" where it was cut off.
        messages: How many messages the conversation has now.
    """

    text: str
    finish: Finish
    messages: int


@dataclass
class _Conversation:
    messages: list[Message] = field(default_factory=list)


@expose
def start(system: str | None = None) -> Ref:
    """Begin a conversation.

    Args:
        system: The system prompt; without it, what the model's template makes of none.
    """
    return Ref(_Conversation([] if system is None else [{"role": "system", "content": system}]))


@expose
def send(
    conversation: Ref,
    message: str,
    role: Literal["user", "tool"] = "user",
    prefill: str = "",
    max_new_tokens: int = 256,
    temperature: float = 0.0,
    seed: int | None = None,
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
) -> Turn:
    """Say something, and let the model answer. If that fails, nothing was said.

    Args:
        conversation: Of `start` or `fork`.
        message: What is said.
        role: "user", or "tool" for what a tool gave.
        prefill: What the answer begins with.
        max_new_tokens: Where the answer is cut off.
        temperature: 0 takes the most probable token; 1 is the model's own distribution.
        seed: The same seed gives the same answer.
        interventions: Changes to the model while it reads and writes.
        adapter: Another adapter than the one in use ("default" and so on); "base" is none.
    """
    kept = _of(conversation)
    said: Message = {"role": role, "content": message}
    sampling = Sampling(max_new_tokens, temperature, seed=seed)
    return _answered(kept, [*kept.messages, said], prefill, sampling, interventions, adapter)


@expose
def answer_again(
    conversation: Ref,
    prefill: str = "",
    max_new_tokens: int = 256,
    temperature: float = 0.0,
    seed: int | None = None,
    interventions: Sequence[Intervention] = (),
    adapter: str | None = None,
) -> Turn:
    """Let the model answer the last message anew, in place of what it said.

    Args:
        conversation: Of `start` or `fork`.
        prefill: What the answer begins with.
        max_new_tokens: Where the answer is cut off.
        temperature: 0 takes the most probable token; 1 is the model's own distribution.
        seed: The same seed gives the same answer.
        interventions: Changes to the model while it reads and writes.
        adapter: Another adapter than the one in use ("default" and so on); "base" is none.
    """
    kept = _of(conversation)
    if not kept.messages or kept.messages[-1]["role"] != "assistant":
        raise ValueError("nothing was answered yet")
    sampling = Sampling(max_new_tokens, temperature, seed=seed)
    return _answered(kept, kept.messages[:-1], prefill, sampling, interventions, adapter)


@expose
def rollback(conversation: Ref, turns: int = 1) -> list[Message]:
    """Take back the newest turns: what was said, and what the model answered.

    Args:
        conversation: Of `start` or `fork`.
        turns: How many.

    Returns:
        What is left.
    """
    kept = _of(conversation)
    begins = [place for place, each in enumerate(kept.messages) if each["role"] in ("user", "tool")]
    if not 1 <= turns <= len(begins):
        raise ValueError(f"turns={turns}, and the conversation has {len(begins)}")
    del kept.messages[begins[-turns] :]
    return list(kept.messages)


@expose
def fork(conversation: Ref) -> Ref:
    """Begin another conversation with all that was said in this one.

    Args:
        conversation: Of `start` or `fork`; it stays as it is.
    """
    return Ref(_Conversation(list(_of(conversation).messages)))


@expose
def set_system(conversation: Ref, system: str | None) -> None:
    """Change the system prompt, for the answers that are to come.

    Args:
        conversation: Of `start` or `fork`.
        system: The new one; None takes it away.
    """
    kept = _of(conversation)
    if kept.messages and kept.messages[0]["role"] == "system":
        del kept.messages[0]
    if system is not None:
        kept.messages.insert(0, {"role": "system", "content": system})


@expose(read_only=True)
def transcript(conversation: Ref) -> list[Message]:
    """Give all messages.

    Args:
        conversation: Of `start` or `fork`.
    """
    return list(_of(conversation).messages)


def _of(conversation: object) -> _Conversation:
    """Give what a reference stands for: as an argument it is the value itself."""
    kept = conversation.value if isinstance(conversation, Ref) else conversation
    if not isinstance(kept, _Conversation):
        raise ValueError("this is no conversation: give the reference that start() gave")
    return kept


@torch.no_grad()
def _answered(
    kept: _Conversation,
    messages: list[Message],
    prefill: str,
    sampling: Sampling,
    interventions: Sequence[Intervention],
    adapter: str | None,
) -> Turn:
    """Answer `messages`, and keep them with the answer."""
    subject = toolkit.subject()
    batch = subject.encode(messages, prefill)
    tokens, finish = list[int](), "length"
    for step in toolkit.decode(subject, batch, sampling, interventions, adapter=adapter):
        tokens += [token for token in step.tokens if token is not None]
        finish = step.finished[0] or finish
    text = prefill + subject.tokenizer.decode(tokens, skip_special_tokens=True)
    kept.messages = [*messages, {"role": "assistant", "content": text}]
    return Turn(text, "stop" if finish == "stop" else "length", len(kept.messages))
