"""Lenses, attributions and heads, against arithmetic written by hand and laws."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from seer_interfaces import causal, toolkit
from seer_interfaces.toolkit import Intervention, Subject
from seer_interfaces.toolkit.paths import Point, integrate
from tests.toolkit import references
from tests.toolkit.families import HEADS, LAYERS, WIDTH, tiny
from tests.toolkit.test_sites import TEXT, attended, ids_of

ANSWER, WRONG = "y", "n"


def final_logits(subject: Subject, text: str) -> torch.Tensor:
    return references.logits(subject.model, ids_of(subject, text))[0, -1]


def uncapped(model: PreTrainedModel, ids: torch.Tensor) -> torch.Tensor:
    """Give the logits behind the last token before any cap: the last state, unembedded."""
    states = model(ids, output_hidden_states=True).hidden_states
    logits: torch.Tensor = model.get_output_embeddings()(states[-1][0, -1])
    return logits.detach()


def test_the_lens_of_the_last_layer_is_the_model(any_subject: Subject) -> None:
    expected = references.logits(any_subject.model, ids_of(any_subject, TEXT))[0]
    expected = expected.log_softmax(dim=-1)

    lens = causal.logit_lens(TEXT, top_k=2, targets=["a", "b"])

    assert lens.top_logprobs.shape == (LAYERS, len(expected), 2)
    best = expected.topk(2)
    torch.testing.assert_close(lens.top_logprobs[-1], best.values, atol=1e-4, rtol=1e-4)
    assert lens.top[-1] == [any_subject.words(row) for row in best.indices.tolist()]
    wanted = expected[:, [any_subject.token("a"), any_subject.token("b")]]
    torch.testing.assert_close(lens.target_logprobs[-1], wanted, atol=1e-4, rtol=1e-4)
    assert lens.tokens == any_subject.words(ids_of(any_subject, TEXT)[0].tolist())


def test_the_lens_of_a_layer_is_its_stream_normed_and_unembedded(any_subject: Subject) -> None:
    model = any_subject.model
    stream = references.sites(model, ids_of(any_subject, TEXT))["resid_post"][1, 0, -1]
    logits = model.get_output_embeddings()(any_subject.architecture.final_norm(stream))
    cap = getattr(model.config, "final_logit_softcapping", None)
    if cap is not None:
        logits = torch.tanh(logits / cap) * cap
    expected = logits.log_softmax(dim=-1).detach()

    lens = causal.logit_lens(TEXT, layers=1, targets=["a"], positions="last")

    assert lens.layers == [1]
    found = lens.target_logprobs[0, 0, 0]
    torch.testing.assert_close(found, expected[any_subject.token("a")], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("wrong", [None, WRONG])
def test_direct_attributions_add_up_to_the_logit(any_subject: Subject, wrong: str | None) -> None:
    logits = uncapped(any_subject.model, ids_of(any_subject, TEXT))
    expected = logits[any_subject.token(ANSWER)]
    if wrong is not None:
        expected = expected - logits[any_subject.token(wrong)]

    components = causal.direct_logit_attribution(TEXT, ANSWER, wrong)

    assert sum(each.value for each in components) == pytest.approx(float(expected), abs=1e-4)
    kinds = [each.kind for each in components]
    assert kinds.count("head") == LAYERS * HEADS
    assert (kinds.count("mlp"), kinds[0], kinds[-1]) == (LAYERS, "embedding", "bias")


def test_the_last_mlp_is_attributed_what_it_writes(subject: Subject) -> None:
    model = subject.model
    sites = references.sites(model, ids_of(subject, TEXT))
    stream, written = sites["resid_post"][-1, 0, -1], sites["mlp_out"][-1, 0, -1]
    norm = model.model.norm
    scale = (stream.pow(2).mean() + norm.variance_epsilon).rsqrt()
    expected = model.lm_head.weight[subject.token(ANSWER)] @ (written * scale * norm.weight)

    components = causal.direct_logit_attribution(TEXT, ANSWER)

    (found,) = [each.value for each in components if (each.kind, each.layer) == ("mlp", 2)]
    assert found == pytest.approx(float(expected.detach()), abs=1e-5)


def test_integrated_gradients_are_complete(any_subject: Subject) -> None:
    found = causal.token_attribution("Mary", "y", steps=64, baseline="x")

    logits = final_logits(any_subject, "Mary")
    assert found.score == pytest.approx(float(logits[any_subject.token("y")]), abs=1e-4)
    nothing = any_subject.batch([[any_subject.token("x")] * 5])
    lowest = toolkit.last_logits(any_subject, toolkit.run(any_subject, nothing))[0]
    assert found.baseline == pytest.approx(float(lowest[any_subject.token("y")]), abs=1e-4)
    assert abs(found.gap) < 0.02 * max(1.0, abs(found.score - found.baseline))
    assert found.tokens == ["<s>", "M", "a", "r", "y"]


def test_integrals_go_where_the_change_is() -> None:
    """A logit that jumps in a small part of the way, as those of language models do."""
    asked: list[float] = []

    def point(at: float) -> Point:
        asked.append(at)
        wave = torch.tanh(torch.tensor(200 * (at - 0.3), dtype=torch.float64))
        slopes = torch.stack([200 * (1 - wave.square()), torch.tensor(2 * at).double()])
        return Point(at, float(wave) + at * at, slopes)

    found = integrate(point, point(0.0), point(1.0), most=60)

    assert found.tolist() == pytest.approx([2.0, 1.0], abs=0.02)
    assert len(asked) <= 62
    near = [each for each in asked if abs(each - 0.3) < 0.05]
    assert len(near) > len(asked) / 2


def test_one_gradient_is_that_of_the_embedding(subject: Subject) -> None:
    ids = ids_of(subject, TEXT)
    embedded = subject.model.model.embed_tokens(ids).detach().requires_grad_()
    logit = subject.model(inputs_embeds=embedded).logits[0, -1, subject.token("y")]
    (gradient,) = torch.autograd.grad(logit, embedded)
    away = embedded - subject.model.model.embed_tokens(torch.full_like(ids, 257))

    found = causal.token_attribution(TEXT, "y", "grad_x_input")

    expected = (gradient * away).sum(dim=-1)[0].detach()
    torch.testing.assert_close(torch.tensor(found.values), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("kind", "back", "start"),
    [("induction", 7, 8), ("duplicate_token", 8, 8), ("previous_token", 1, 1)],
)
def test_heads_are_scored_by_where_they_look(
    any_subject: Subject, kind: Any, back: int, start: int
) -> None:
    generator = torch.Generator().manual_seed(5)
    once = torch.randint(0, 260, (2, 8), generator=generator)
    expected = torch.zeros(LAYERS, HEADS)
    for row in once:
        pattern = references.sites(any_subject.model, torch.cat([row, row])[None])["pattern"][:, 0]
        looks = [pattern[:, :, query, query - back] for query in range(start, 16)]
        expected += torch.stack(looks).mean(dim=0) / 2

    found = causal.find_heads(kind, length=8, repeats=2, seed=5)

    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_a_head_that_looks_back_is_found(subject: Subject, tokenizer: Any) -> None:
    """One whose pattern is set to the token before scores 1, whatever the model."""
    width = 48
    shifted = torch.zeros(width, width)
    shifted[torch.arange(1, width), torch.arange(width - 1)] = 1
    value = shifted[None, None].expand(1, 1, -1, -1)
    text = "x" * (width - 1)
    planted = Intervention("set", 1, "pattern", value=value, head=2)
    pattern = attended(text, 1, [2], interventions=[planted])[0, 0, 0]
    assert torch.equal(pattern, shifted)


def test_adapters_count_in_what_heads_write(tokenizer: Any) -> None:
    from peft import LoraConfig, get_peft_model

    adapted = get_peft_model(tiny("llama"), LoraConfig(r=4, target_modules=["o_proj", "v_proj"]))
    with torch.no_grad():
        for name, each in adapted.named_parameters():
            if "lora_B" in name:
                each.normal_(std=0.3)
    subject = toolkit.use(adapted, tokenizer)
    expected = uncapped(adapted, ids_of(subject, TEXT))[subject.token(ANSWER)]

    components = causal.direct_logit_attribution(TEXT, ANSWER)

    assert sum(each.value for each in components) == pytest.approx(float(expected), abs=1e-4)
    assert subject.architecture.d_model == WIDTH
