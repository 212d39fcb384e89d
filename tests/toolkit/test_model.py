"""What the model says, against transformers' own generation and arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from seer_interfaces import model, toolkit
from seer_interfaces.toolkit import Intervention, Message, Subject
from tests.toolkit import references
from tests.toolkit.families import WIDTH, tiny
from tests.toolkit.test_sites import TEXT, TEXTS, ids_of

CHAT: list[Message] = [
    {"role": "system", "content": "S"},
    {"role": "user", "content": "hi"},
]
RENDERED = "<s>[s]S~[u]hi~[a]"
STEERING = Intervention("add", 1, value=torch.linspace(-1, 2, WIDTH), strength=4.0)


def test_what_is_generated_is_what_transformers_generates(any_subject: Subject) -> None:
    expected = any_subject.model.generate(
        ids_of(any_subject, TEXT),
        attention_mask=torch.ones_like(ids_of(any_subject, TEXT)),
        max_new_tokens=12,
        do_sample=False,
    )[0, ids_of(any_subject, TEXT).shape[1] :].tolist()

    (found,) = model.generate(TEXT, max_new_tokens=12)

    assert found.tokens == expected
    assert found.text == any_subject.tokenizer.decode(expected, skip_special_tokens=True)


def test_the_cache_makes_no_difference(any_subject: Subject) -> None:
    """Each token is the most probable one of a fresh pass over all that came before."""
    for interventions in ([], [STEERING]):
        (found,) = model.generate(TEXT, max_new_tokens=6, interventions=interventions)
        row = any_subject.tokenizer(TEXT).input_ids
        for token, logprob in zip(found.tokens, found.logprobs, strict=True):
            result = toolkit.run(any_subject, any_subject.batch([row]), interventions)
            distribution = toolkit.last_logits(any_subject, result)[0].log_softmax(dim=-1)
            assert int(distribution.argmax()) == token
            assert logprob == pytest.approx(float(distribution[token]), abs=1e-4)
            row.append(token)


def test_each_of_a_batch_gets_what_it_would_get_alone(any_subject: Subject) -> None:
    options: dict[str, Any] = {"max_new_tokens": 6, "seed": 3, "interventions": [STEERING]}
    for temperature in (0.0, 0.8):
        together = model.generate(TEXTS, temperature=temperature, n=2, **options)
        alone = [
            answer
            for text in TEXTS
            for answer in model.generate(text, temperature=temperature, n=2, **options)
        ]
        assert [each.tokens for each in together] == [each.tokens for each in alone]


def test_samples_follow_their_seed(subject: Subject) -> None:
    def sampled(**options: Any) -> list[list[int]]:
        answers = model.generate(TEXT, 8, temperature=1.0, **options)
        return [each.tokens for each in answers]

    assert sampled(seed=1, n=3) == sampled(seed=1, n=3)
    assert sampled(seed=1) != sampled(seed=2)
    first, second = sampled(seed=1, n=2)
    assert first != second
    assert sampled() != sampled()
    # A very small top_p leaves the most probable token alone.
    assert sampled(seed=5, top_p=1e-6) == [model.generate(TEXT, 8)[0].tokens]


def test_samples_have_the_probabilities_of_the_model(subject: Subject) -> None:
    expected = references.logits(subject.model, ids_of(subject, TEXT))[0, -1]
    expected = (expected / 0.5).softmax(dim=-1)

    answers = model.generate(TEXT, 1, temperature=0.5, seed=0, n=600)

    counts = torch.bincount(torch.tensor([each.tokens[0] for each in answers]), minlength=260)
    best = int(expected.argmax())
    spread = float((expected[best] * (1 - expected[best]) / 600).sqrt())
    assert counts[best] / 600 == pytest.approx(float(expected[best]), abs=5 * spread)


def test_an_answer_ends_where_the_model_ends_it(subject: Subject) -> None:
    tokens = model.generate(TEXT, 6)[0].tokens
    configured = subject.model.generation_config.eos_token_id
    # Models may have several tokens that end an answer.
    subject.model.generation_config.eos_token_id = [257, tokens[2]]
    try:
        stopped, other = model.generate([TEXT, "b"], 6)
        events = list(model.stream(TEXT, 6))
    finally:
        subject.model.generation_config.eos_token_id = configured

    index = tokens.index(tokens[2])
    assert (stopped.tokens, stopped.finish) == (tokens[: index + 1], "stop")
    assert [each.token for each in events] == stopped.tokens
    assert other.tokens[:1] == model.generate("b", 6)[0].tokens[:1]
    assert model.generate(TEXT, 6)[0].finish == "length"


def test_a_context_that_is_full_ends_an_answer(subject: Subject) -> None:
    (answer,) = model.generate("x" * 120, 50)
    assert (len(answer.tokens), answer.finish) == (128 - 121 + 1, "length")
    with pytest.raises(ValueError, match="has 131 tokens"):
        model.generate("x" * 130)


def test_streams_tell_what_generation_gives(subject: Subject) -> None:
    (answer,) = model.generate(TEXT, 12, interventions=[STEERING])
    events = list(model.stream(TEXT, 12, interventions=[STEERING]))

    assert [each.token for each in events] == answer.tokens
    assert "".join(each.text for each in events) == answer.text


def test_a_stream_that_is_left_lets_other_calls_be(subject: Subject) -> None:
    events = model.stream(TEXT, 12, interventions=[STEERING])
    next(events)
    expected = references.logits(subject.model, ids_of(subject, TEXT))[0, -1]

    # The stream waits, and its intervention does not reach this call.
    found = toolkit.last_logits(subject, toolkit.run(subject, subject.encode(TEXT)))[0]

    torch.testing.assert_close(found, expected)


def test_parts_of_a_character_wait_for_the_rest(subject: Subject) -> None:
    """Set to what it unembeds, the model writes one byte after the other of an "é"."""
    ids = subject.tokenizer("é", add_special_tokens=False).input_ids
    first, second = (1e3 * subject.model.lm_head.weight[token] for token in ids)
    patches = [
        Intervention("set", -1, value=first, positions="prompt"),
        Intervention("set", -1, value=second, positions="generated"),
    ]
    events = list(model.stream(TEXT, 2, interventions=patches))
    assert [each.text for each in events] == ["", "é"]


def test_chats_are_tokenised_once(subject: Subject) -> None:
    """A template and then a tokenizer would begin with two tokens of beginning."""
    (tokens,) = model.tokenize(CHAT)
    assert "".join(tokens.texts) == RENDERED
    assert tokens.ids.count(256) == 1

    (text,) = model.tokenize("hi")
    assert text.texts == ["<s>", "h", "i"]
    answer: Message = {"role": "assistant", "content": "Sure"}
    continued = model.tokenize([*CHAT, answer])[0]
    assert "".join(continued.texts) == "<s>[s]S~[u]hi~[a]Sure"
    assert model.tokenize(CHAT, prefill="Sure")[0].ids == continued.ids
    with pytest.raises(ValueError, match="has no messages"):
        model.tokenize([list[Message]()])


def test_answers_are_cut_by_tokens_and_begin_with_their_prefill(subject: Subject) -> None:
    (answer,) = model.generate(CHAT, 5, prefill="<s>Sure")
    prompt = subject.tokenizer(RENDERED + "<s>Sure", add_special_tokens=False).input_ids
    expected = subject.model.generate(
        torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt)),
        max_new_tokens=5,
        do_sample=False,
    )[0, len(prompt) :]

    assert answer.tokens == expected.tolist()
    assert answer.text.startswith("<s>Sure")
    spoken = model.chat("hi", system="S", max_new_tokens=5, prefill="<s>Sure")
    assert spoken == answer.text


def test_log_probabilities_are_those_of_the_model(any_subject: Subject) -> None:
    found = model.logprobs(TEXTS, targets=["a", "abc"], top_k=3)

    for text, each in zip(TEXTS, found, strict=True):
        distribution = references.logits(any_subject.model, ids_of(any_subject, text))[0, -1]
        distribution = distribution.log_softmax(dim=-1)
        best = distribution.topk(3)
        assert [token.token for token in each.top] == best.indices.tolist()
        assert [token.logprob for token in each.top] == pytest.approx(
            best.values.tolist(), abs=1e-4
        )
        entropy = -(distribution.exp() * distribution).sum()
        assert each.entropy == pytest.approx(float(entropy), abs=1e-4)
        ids = ids_of(any_subject, text + "abc")
        whole = references.logits(any_subject.model, ids)[0].log_softmax(dim=-1)
        parts = [float(whole[index - 1, ids[0, index]]) for index in (-3, -2, -1)]
        assert each.targets == pytest.approx([parts[0], sum(parts)], abs=1e-4)


def test_a_loss_is_that_of_transformers(any_subject: Subject) -> None:
    found = model.loss(TEXTS)
    for text, each in zip(TEXTS, found, strict=True):
        ids = ids_of(any_subject, text)
        assert each == pytest.approx(float(any_subject.model(ids, labels=ids).loss), abs=1e-4)
    steered = model.loss(TEXTS, interventions=[STEERING])
    assert steered != pytest.approx(found, abs=1e-2)


def test_steering_only_what_is_generated_leaves_the_prompt(subject: Subject) -> None:
    later = Intervention("add", 1, value=STEERING.value, strength=4.0, positions="generated")
    plain = model.generate(TEXT, 8)[0]
    steered = model.generate(TEXT, 8, interventions=[later])[0]

    assert steered.tokens[0] == plain.tokens[0]
    assert steered.logprobs[0] == plain.logprobs[0]
    assert steered.logprobs[1] != pytest.approx(plain.logprobs[1], abs=1e-3)


def test_the_model_tells_what_it_is_and_not_its_name(any_subject: Subject) -> None:
    told = model.info()
    config = any_subject.model.config
    assert (told.layers, told.d_model, told.heads) == (3, WIDTH, 4)
    assert told.kv_heads == (getattr(config, "num_key_value_heads", None) or 4)
    assert told.parameters == sum(each.numel() for each in any_subject.model.parameters())
    assert told.has_parallel_residual == (config.model_type == "gpt_neox")
    assert config.model_type not in repr(told)


def test_what_cannot_be_asked_is_refused(subject: Subject, tokenizer: Any) -> None:
    for wrong in ({"max_new_tokens": 0}, {"temperature": -1.0}, {"top_p": 0.0}, {"n": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            model.generate(TEXT, **wrong)
    with pytest.raises(ValueError, match="target '' has no tokens"):
        model.logprobs(TEXT, targets=[""])
    with pytest.raises(ValueError, match="one token has no loss"):
        model.loss([""])
    with pytest.raises(ValueError, match="is not one token but"):
        subject.token("two")
    tokenizer.chat_template, template = None, tokenizer.chat_template
    try:
        with pytest.raises(ValueError, match="no chat template"):
            model.chat("hi")
    finally:
        tokenizer.chat_template = template
    assert tiny("llama") is not subject.model
