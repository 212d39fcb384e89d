"""Answers: what a model wrote, as a whole or as it is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from seer_interfaces.toolkit.decoding import Finish, Step
from seer_interfaces.toolkit.subjects import Subject


@dataclass
class Completion:
    """What the model wrote.

    Attributes:
        text: Without the prompt and without special tokens; it begins with the prefill.
        tokens: The ids of the tokens that it generated, the one that ended it included.
        logprobs: The log probability (nats) of each at temperature 1.
        finish: "stop" where it ended by itself, "length" where it was cut off.
    """

    text: str
    tokens: list[int]
    logprobs: list[float]
    finish: Finish


@dataclass
class TokenEvent:
    """One more token.

    Attributes:
        text: What it adds to the text; empty while a character is not complete.
        logprob: Its log probability (nats) at temperature 1.
    """

    text: str
    token: int
    logprob: float


def gathered(subject: Subject, steps: Iterable[Step], rows: int, prefill: str) -> list[Completion]:
    """Give the answers that steps make."""
    answers = [Completion("", [], [], "length") for _ in range(rows)]
    for step in steps:
        parts = zip(answers, step.tokens, step.logprobs, step.finished, strict=True)
        for answer, token, logprob, finish in parts:
            if token is not None:
                answer.tokens.append(token)
                answer.logprobs.append(logprob)
                answer.finish = finish or answer.finish
    for answer in answers:
        answer.text = prefill + subject.tokenizer.decode(answer.tokens, skip_special_tokens=True)
    return answers


def told(subject: Subject, steps: Iterable[Step]) -> Iterator[TokenEvent]:
    """Tell of each step of the only row."""
    text, tokens = "", list[int]()
    for step in steps:
        (token,), (logprob,), (finish,) = step.tokens, step.logprobs, step.finished
        assert token is not None
        tokens.append(token)
        whole = subject.tokenizer.decode(tokens, skip_special_tokens=True)
        # A character may take several tokens.
        is_whole = finish is not None or not whole.endswith("\N{REPLACEMENT CHARACTER}")
        added = whole[len(text) :] if is_whole else ""
        text += added
        yield TokenEvent(added, token, logprob)
