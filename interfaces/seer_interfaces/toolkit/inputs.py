"""Inputs: raw texts or chats, as the model sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import torch
from typing_extensions import TypedDict


class Message(TypedDict):
    """One message of a chat."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str


Prompt: TypeAlias = str | list[Message]
"""One input: a raw text, which is tokenised as it is, or a chat, for which the template is used."""

Inputs: TypeAlias = str | list[str] | list[Message] | list[list[Message]]
"""One input or several, of one kind."""


@dataclass
class Batch:
    """Inputs that go through the model together, padded on the left."""

    ids: torch.Tensor
    """Token ids, [batch, position]."""

    mask: torch.Tensor
    """True where there is a token, False where there is padding; [batch, position]."""

    prompts: torch.Tensor
    """How many tokens of each row are its prompt, [batch]; what follows counts as generated."""

    @property
    def positions(self) -> torch.Tensor:
        """Each token's number in its own row, from 0; what is padding has 0."""
        return (self.mask.long().cumsum(dim=1) - 1).clamp(min=0)

    @property
    def width(self) -> int:
        """How many columns there are."""
        return self.ids.shape[1]

    def row(self, index: int) -> list[int]:
        """Give the token ids of a row without padding."""
        ids: list[int] = self.ids[index][self.mask[index]].tolist()
        return ids


def prompts_of(inputs: Inputs) -> list[Prompt]:
    """Give the inputs one by one.

    Raises:
        ValueError: there is none, or they are of two kinds.
    """
    if isinstance(inputs, str):
        return [inputs]
    if not inputs:
        raise ValueError("there is no input: give a text, a chat, or a list of them")
    kinds = {type(each) for each in inputs}
    if len(kinds) > 1:
        raise ValueError("the inputs are of several kinds: give texts alone, or chats alone")
    if kinds == {dict}:
        return [cast("list[Message]", inputs)]
    return cast("list[Prompt]", list(inputs))


def encode(tokenizer: Any, prompt: Prompt, prefill: str = "") -> list[int]:
    """Give the token ids of a prompt, `prefill` being what the answer begins with.

    A text gets the special tokens that the tokenizer adds. A chat's template writes its own, so
    the tokenizer adds none to it. A chat that ends with the assistant's message is continued.

    Raises:
        ValueError: there is no token in it, or no template for a chat.
    """
    if isinstance(prompt, str):
        text, is_chat = prompt + prefill, False
    else:
        text, is_chat = render(tokenizer, prompt) + prefill, True
    ids: list[int] = tokenizer(text, add_special_tokens=not is_chat)["input_ids"]
    if not ids:
        raise ValueError(f"the input {prompt!r} has no tokens")
    return ids


def render(tokenizer: Any, messages: Sequence[Message]) -> str:
    """Write a chat as the model's template has it, up to where the assistant goes on.

    Raises:
        ValueError: there is no template, or no message.
    """
    if not messages:
        raise ValueError("the chat has no messages")
    if tokenizer.chat_template is None:
        raise ValueError("this model has no chat template: give a text instead of messages")
    continues = messages[-1]["role"] == "assistant"
    text: str = tokenizer.apply_chat_template(
        [dict(each) for each in messages],
        tokenize=False,
        add_generation_prompt=not continues,
        continue_final_message=continues,
    )
    return text


def pad(rows: Sequence[Sequence[int]], device: torch.device, filler: int = 0) -> Batch:
    """Put rows of token ids into one batch, padded on the left."""
    width = max(map(len, rows))
    ids = torch.full((len(rows), width), filler)
    mask = torch.zeros((len(rows), width), dtype=torch.bool)
    for index, row in enumerate(rows):
        ids[index, width - len(row) :] = torch.tensor(row)
        mask[index, width - len(row) :] = True
    lengths = torch.tensor([len(row) for row in rows])
    return Batch(ids.to(device), mask.to(device), lengths.to(device))
