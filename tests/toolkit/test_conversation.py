"""Conversations: what is kept, taken back and branched."""

from __future__ import annotations

import pytest

from seer_interfaces import conversation, model
from seer_interfaces.toolkit import Message, Subject
from seer_rpc.interface import Ref


def test_what_is_said_is_what_the_model_says_to_all_of_it(subject: Subject) -> None:
    kept = conversation.start("S")
    first = conversation.send(kept, "hi", max_new_tokens=3)
    second = conversation.send(kept, "again", prefill="No", max_new_tokens=3)

    messages: list[Message] = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "hi"},
    ]
    assert first.text == model.generate(messages, 3)[0].text
    messages += [
        {"role": "assistant", "content": first.text},
        {"role": "user", "content": "again"},
    ]
    assert second.text == model.generate(messages, 3, prefill="No")[0].text
    assert second.text.startswith("No")
    messages.append({"role": "assistant", "content": second.text})
    assert conversation.transcript(kept) == messages
    assert (first.messages, second.messages) == (3, 5)


def test_turns_are_taken_back_and_forks_go_their_own_way(subject: Subject) -> None:
    kept = conversation.start()
    conversation.send(kept, "one", max_new_tokens=2)
    conversation.send(kept, "two", max_new_tokens=2)
    other = conversation.fork(kept)

    left = conversation.rollback(other)
    conversation.send(other, "three", max_new_tokens=2)

    assert [each["content"] for each in left[::2]] == ["one"]
    said = [
        [each["content"] for each in conversation.transcript(one) if each["role"] == "user"]
        for one in (kept, other)
    ]
    assert said == [["one", "two"], ["one", "three"]]
    with pytest.raises(ValueError, match="turns=3, and the conversation has 2"):
        conversation.rollback(kept, 3)
    assert conversation.rollback(kept, 2) == []


def test_an_answer_is_given_again(subject: Subject) -> None:
    kept = conversation.start("S")
    first = conversation.send(kept, "hi", max_new_tokens=4)
    other = conversation.answer_again(kept, prefill="Sure", max_new_tokens=4)

    assert other.text.startswith("Sure")
    assert conversation.transcript(kept)[-1]["content"] == other.text
    assert conversation.answer_again(kept, max_new_tokens=4).text == first.text
    with pytest.raises(ValueError, match="nothing was answered yet"):
        conversation.answer_again(conversation.start())


def test_the_system_prompt_changes_and_a_failure_says_nothing(subject: Subject) -> None:
    kept = conversation.start("S")
    conversation.set_system(kept, "T")
    with pytest.raises(ValueError, match="max_new_tokens"):
        conversation.send(kept, "hi", max_new_tokens=0)
    assert conversation.transcript(kept) == [{"role": "system", "content": "T"}]
    conversation.set_system(kept, None)
    assert conversation.transcript(kept) == []
    with pytest.raises(ValueError, match="no conversation"):
        conversation.transcript(Ref("a text"))
